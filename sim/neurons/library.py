"""Circuits by name: ours, and those of a folder of the user's, are found in the same way."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Library:
    """A folder with one file a circuit: ``NAME.cir`` is its netlist, ``NAME.json`` a neuron table."""

    folder: Path
    suffix: str  #: of the files that count, with its dot
    nested: bool = False  #: whether those in folders one level down count, too

    def names(self) -> list[str]:
        """Names of the circuits, sorted."""
        return sorted(self._files())

    def find(self, name: str) -> Path | None:
        """The file of the circuit called ``name``; None if there is none."""
        return self._files().get(name)

    def _files(self) -> dict[str, Path]:
        deep = self.folder.glob(f"*/*{self.suffix}") if self.nested else ()
        return {path.stem: path for path in (*deep, *self.folder.glob(f"*{self.suffix}"))}
