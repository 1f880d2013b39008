"""The common look of all figures, and how they become files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target, read_bytes, write_atomically

#: the first bytes of a PNG file
SIGNATURE = b"\x89PNG\r\n\x1a\n"

STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 9.5,
    "figure.constrained_layout.hspace": 0.08,
    "figure.titlesize": 11,
    "font.size": 9.5,
    "image.interpolation": "nearest",
    "text.parse_math": False,  # names from files may hold a dollar sign
}


@contextmanager
def style() -> Iterator[None]:
    """Figures made within share one look."""
    with matplotlib.rc_context(STYLE):
        yield


def png_target(path: Path) -> None:
    """Raises :class:`CaptwinError` unless a picture can be written to ``path``: nothing stands there, or a PNG file."""
    target = file_target(path)
    if target.is_file() and (content := read_bytes(target, "picture")) and not content.startswith(SIGNATURE):
        raise CaptwinError(f"{path}: not replaced: this is no PNG picture; name another file")


def save_png(figure: Figure, path: Path, *, dpi: int = 110) -> None:
    """Writes ``figure``; :class:`CaptwinError` if the place is not writable, or holds something else than a picture.
    The same figure gives the same bytes."""
    png_target(path)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
