"""A run's folder: the names of what is in it, and whose run it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.locks import locked_folder
from captwin.train.runs.checkpoint import read_identity
from captwin.train.runs.identity import Identity, change, chip_identity

#: what a run leaves
FILES = (
    *("config.json", "chip.safetensors", "checkpoint.safetensors", "teacher.safetensors"),
    *("curves.csv", "curves.png", "metrics.jsonl"),
)


@dataclass(frozen=True)
class RunFolder:
    """Where a run leaves what it makes."""

    path: Path

    @property
    def chip(self) -> Path:
        return self.path / "chip.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def teacher(self) -> Path:
        return self.path / "teacher.safetensors"

    @contextmanager
    def claimed(self, identity: Identity, resume: bool, overwrite: bool) -> Iterator[None]:
        """Holds the folder for a run of ``identity``; what stands there of another run is in the way, or removed.

        Raises :class:`CaptwinError` if another process trains there, or if another configuration's run, or one on
        other inputs, is there and ``overwrite`` is not set.
        """
        with locked_folder(self.path):
            changed = None if resume else self._other_run(identity)
            if changed and not overwrite:
                raise CaptwinError(
                    f"{self.path}: holds another run ({changed}); name another folder with --output,"
                    " or replace that run with --overwrite"
                )
            if changed:
                for name in FILES:
                    (self.path / name).unlink(missing_ok=True)
            yield

    def _other_run(self, identity: Identity) -> str | None:
        """What sets the run in this folder apart from one of ``identity``; None if it is the same, or if there is none
        whose result could be lost."""
        stored: Identity | None
        if self.chip.exists():
            try:
                stored = chip_identity(Chip.load(self.chip))
            except CaptwinError:
                return "its chip file cannot be read"
            return change(stored, identity) if stored else "its chip does not say how it was made"
        if not self.checkpoint.exists():
            return None
        try:
            stored = read_identity(self.checkpoint)
        except CaptwinError:  # nobody could go on with it
            return None
        return change(stored, identity)
