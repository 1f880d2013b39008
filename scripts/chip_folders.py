"""Folders of results: named after a chip, and never one chip's over another's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_text, write_atomically
from captwin.hw.support.locks import locked_folder
from captwin.hw.support.names import printable
from captwin.scripts.terminal.output import results_folder
from captwin.train.zoo import chip_name, chip_source

#: names the chip whose results a folder holds
OWNER = ".captwin-chip"


def chip_folder(chip: str, what: str) -> Path:
    """Where results of ``chip`` go unless told otherwise: build/CHIP-WHAT."""
    return Path("build") / f"{chip_name(chip)}-{what}"


def check_owner(folder: Path, chip: str) -> None:
    """Raises :class:`CaptwinError` if ``folder`` holds results of another chip file than ``chip``, however alike their
    names; the file itself may have changed, as it does when it is trained again."""
    mark = folder / OWNER
    if not mark.exists():
        return
    stated = read_text(mark, "mark of a chip", 1 << 16).strip()
    if stated != owner(folder, chip):
        raise CaptwinError(
            f"{folder}: holds results of another chip, {printable(stated)[1:-1]};"
            " name another folder with --output, or remove this one"
        )


def mark_owner(folder: Path, chip: str) -> None:
    """Notes in ``folder`` that its results are those of ``chip``."""
    write_atomically(folder / OWNER, owner(folder, chip) + "\n")


@contextmanager
def own_folder(folder: Path, chip: str) -> Iterator[None]:
    """Holds ``folder`` for this process and for results of ``chip``, and marks it as theirs if the block ends well.

    Raises :class:`CaptwinError` if another process works there, or if it holds another chip's results.
    """
    with locked_folder(results_folder(folder)):
        check_owner(folder, chip)
        yield
        mark_owner(folder, chip)


def owner(folder: Path, chip: str) -> str:
    """``chip`` as seen from ``folder``: a pre-trained chip's name, or a path that holds on any machine."""
    source = chip_source(chip)
    if source is None:
        return chip_name(chip)
    path = Path(os.path.relpath(source, folder.resolve())).as_posix()
    return path.encode(errors="backslashreplace").decode()
