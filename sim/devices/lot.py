"""A lot: one chip fabricated many times over, each with its accuracy."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.support.progress import Progress, silent
from captwin.sim.devices.fabricate import Process, fabricate


@dataclass(frozen=True, eq=False)
class FabricatedChip:
    """A chip of a lot."""

    file: str  #: its name in the lot's folder
    build_id: int  #: 64 bits
    accuracy: float  #: share of the test images that it classifies correctly
    charge_bits: int  #: bits of its charge codes
    column_change: np.ndarray  #: capacitances of all its columns, over what they are as programmed, less 1


@dataclass(frozen=True)
class Lot:
    """What fabrication made of a chip."""

    chips: tuple[FabricatedChip, ...]
    nominal_accuracy: float  #: of the chip as programmed

    @property
    def accuracies(self) -> np.ndarray:
        """(chips,) shares of the test images that each classifies correctly."""
        return np.array([chip.accuracy for chip in self.chips])

    @property
    def accuracy_deviation(self) -> float:
        """Standard deviation of the accuracies; 0 of a single chip."""
        return float(self.accuracies.std(ddof=1)) if len(self.chips) > 1 else 0.0

    @property
    def charge_bits(self) -> int:
        """Most bits of a charge code."""
        return max(chip.charge_bits for chip in self.chips)

    @property
    def column_change(self) -> float:
        """RMS of the relative change of the columns' capacitances."""
        changes = np.concatenate([chip.column_change for chip in self.chips])
        return float(np.sqrt(np.square(changes, dtype=np.float64).mean()))

    def yield_at(self, least: float) -> float:
        """Share of the chips whose accuracy is ``least`` or more."""
        return float((self.accuracies >= least).mean())

    def to_csv(self) -> str:
        """One line a chip: file, build id, accuracy."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["file", "build_id", "accuracy"])
        writer.writerows((chip.file, f"{chip.build_id:016x}", chip.accuracy) for chip in self.chips)
        return text.getvalue()


def fabricate_lot(
    chip: Chip,
    process: Process,
    accuracy: Callable[[Chip], float],
    folder: Path,
    *,
    count: int,
    seed: int,
    mapping: str | None = None,
    progress: Progress = silent,
) -> Lot:
    """Fabricates ``count`` chips, as :func:`fabricate` does, measures them by ``accuracy``, and saves their files in
    ``folder``.

    ``progress`` is called with how many chips are done. Raises :class:`CaptwinError` as :func:`fabricate`.
    """
    made = []
    progress("chips", 0, count)
    for number in range(count):
        fabricated = fabricate(chip, process, seed=seed, number=number, mapping=mapping)
        file = f"chip_{number:03}.safetensors"
        fabricated.save(folder / file)
        pairs = zip(chip.layers, fabricated.layers, strict=True)
        changes = np.concatenate([after.c_column / before.c_column for before, after in pairs]) - 1
        bits = fabricated.formats.charge_bits
        made.append(FabricatedChip(file, fabricated.build_id, accuracy(fabricated), bits, changes))
        progress("chips", number + 1, count)
    return Lot(tuple(made), accuracy(chip))
