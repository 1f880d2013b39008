"""Circuits by name: ours, and those of a folder of the user's, are found in the same way."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Library:
    """A folder with one file a circuit: ``NAME.cir`` is its netlist, ``NAME.json`` a neuron table."""

    folder: Path
    suffix: str  #: of the files that count, with its dot

    def names(self) -> list[str]:
        """Names of the circuits, sorted."""
        return sorted(path.stem for path in self.folder.glob(f"*{self.suffix}"))

    def find(self, name: str) -> Path | None:
        """The file of the circuit called ``name``; None if there is none."""
        return self.folder / f"{name}{self.suffix}" if name in self.names() else None
