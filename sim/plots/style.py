"""The common look of all figures, and how they become files."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from captwin.hw.support.files import write_atomically

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


def save_png(figure: Figure, path: Path, *, dpi: int = 110) -> None:
    """Writes ``figure``; :class:`CaptwinError` if the place is not writable. The same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
