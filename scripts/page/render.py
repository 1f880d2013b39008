"""From sections to HTML."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from captwin.scripts.page.blocks import Section


def render(
    title: str,
    verdict: str,
    figures: Sequence[tuple[str, str, str, str]],
    sections: Sequence[Section],
    *,
    maker: str,
    alarm: tuple[str, str] | None = None,
) -> str:
    """One HTML page that needs nothing else; the same content gives the same bytes.

    ``verdict`` is the page in a sentence, ``figures`` are the key figures: label, value, unit, and what about them.
    ``alarm`` is what is badly wrong, in short and at length. ``maker`` is the command that makes the page.
    """
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("page.html").render(
        title=title,
        css=(folder / "page.css").read_text(),
        verdict=verdict,
        alarm=alarm,
        figures=figures,
        sections=sections,
        maker=maker,
    )
