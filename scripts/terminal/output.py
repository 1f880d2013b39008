"""How every verb talks: results on stdout, a table for people or one JSON object for machines; the rest on stderr."""

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import visible
from captwin.hw.support.progress import Progress as Told
from captwin.scripts.terminal.progress import Log

#: logs and progress
log = Log()


class _Notices(logging.Handler):
    """Prints what the other rooms have to say in passing, a line each, past a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        log.print(f"captwin: {visible(record.getMessage())}")


logging.getLogger("captwin").addHandler(_Notices())

#: columns of what is no terminal
UNBOUNDED = 10_000

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


@dataclass(frozen=True)
class Row:
    """One line of a result: a key with its unit for machines, a label and a formatted value for people.

    Without a key it is for people only, without a label for machines only.
    """

    key: str
    value: Any
    label: str
    text: str


def show(rows: list[Row], title: str, as_json: bool) -> None:
    """Prints a result in the way that was asked for."""
    if as_json:
        print(json.dumps({row.key: plain(row.value) for row in rows if row.key}, allow_nan=False))
        return
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=box.SIMPLE_HEAD)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for row in rows:
        if row.label:
            table.add_row(Text(visible(row.label)), Text(visible(row.text)))
    print_table(table)


def print_table(table: Table) -> None:
    """Prints ``table`` on stdout: as wide as the terminal, or as wide as it likes and with no blanks at the ends of its
    lines where there is none."""
    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = Measurement.get(console, console.options.update(max_width=UNBOUNDED), table).maximum
        with console.capture() as capture:
            console.print(table)
        print("\n".join(line.rstrip() for line in capture.get().splitlines()))
    else:
        console.print(table)


def share(key: str, label: str, value: float) -> Row:
    """A row for a fraction of 1, shown in per cent."""
    return Row(key, value, label, f"{100 * value:.2f} %")


def count(key: str, label: str, value: int) -> Row:
    """A row for a number of things."""
    return Row(key, value, label, f"{value:,}")


def spread(key: str, label: str, cycles: np.ndarray) -> list[Row]:
    """Rows for how cycles spread; of a single image there is no distance to the next."""
    if not len(cycles):
        return [Row(key, None, "", "")]
    statistics: dict[str, Any] = {
        "min": int(cycles.min()),
        "median": float(np.median(cycles)),
        "mean": float(cycles.mean()),
        "max": int(cycles.max()),
    }
    text = ", ".join(
        f"{name} {value:,.0f}" if name != "mean" else f"mean {value:,.1f}" for name, value in statistics.items()
    )
    return [Row(key, statistics, label, f"{text} cycles")]


def file(key: str, label: str, path: Path | None) -> Row:
    """A row for a file that was written; without one, only machines hear of it."""
    if path is None:
        return Row(key, None, "", "")
    near = path.is_absolute() and path.is_relative_to(Path.cwd())
    return Row(key, str(path), label, str(path.relative_to(Path.cwd()) if near else path))


def note(key: str, label: str, value: str) -> Row:
    """A row for plain text."""
    return Row(key, value, label, value)


def results_folder(path: Path) -> Path:
    """``path``, where results will go; :class:`CaptwinError` at once if it cannot be a folder."""
    if path.exists() and not path.is_dir():
        raise CaptwinError(f"{path}: cannot write results: this is a file; name a folder")
    return path


def progress_bar() -> Progress:
    """How far a verb is, on stderr."""
    return log.progress_bar()


@contextmanager
def progress_told() -> Iterator[Told]:
    """A callback for functions that say what they do and how far they are; a progress bar shows it."""
    with progress_bar() as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell


def plain(value: Any) -> Any:
    """``value`` as JSON has it: NumPy's numbers as numbers, and null for one that is not finite, which JSON has not."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
