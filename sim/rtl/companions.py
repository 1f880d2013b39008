"""The files that go with a core's Verilog into somebody's design: an instance, a testbench, constraints, FuseSoC."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captwin.hw.chip import PIXEL_MAX, Chip
from captwin.hw.export.companions import constraints, fusesoc, instance
from captwin.hw.export.sidecar import Sidecar
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import check_name
from captwin.sim.rtl.simulate import CLOCK_HZ
from captwin.sim.rtl.testbench.plain import checking_testbench

#: kinds of files that can be written beside the Verilog, and what they add to its name
ENDINGS = {
    "instance": ("_instance.vh",),
    "testbench": ("_tb.v",),
    "constraints": (".sdc", ".xdc"),
    "fusesoc": (".core",),
}
#: kinds whose files name files of other kinds, which are then written too
NEEDS = {"fusesoc": ("testbench", "constraints")}
#: images in a testbench unless others are named
RANDOM_IMAGES = 3
RANDOM_NOTE = "random pixels"


@dataclass(frozen=True)
class Companions:
    """Files for :func:`write_verilog` to write beside the Verilog of a core of ``chip``: its ``companions``.

    Raises :class:`CaptwinError` for an unknown kind, and, when a testbench is made, for images of another size than the
    chip's.

    >>> companions = captwin.Companions(captwin.load_chip("digits-tiny"), ["fusesoc"])
    >>> sorted(companions.written_kinds)
    ['constraints', 'fusesoc', 'testbench']
    """

    chip: Chip
    kinds: Collection[str] = tuple(ENDINGS)  #: of ``instance``, ``testbench``, ``constraints``, ``fusesoc``
    pixels: np.ndarray | None = (
        None  #: (images, pixels) uint8 that the testbench sends; None: RANDOM_IMAGES random ones
    )
    pixels_note: str = RANDOM_NOTE  #: tells readers of the testbench which images these are
    clock_hz: float = CLOCK_HZ  #: clock of the constraints

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.kinds) - ENDINGS.keys()):
            raise CaptwinError(f"companions: there are {', '.join(ENDINGS)}, no {unknown[0]!r}")

    @property
    def written_kinds(self) -> set[str]:
        """``kinds``, and those that they need."""
        return set(self.kinds).union(*(NEEDS.get(kind, ()) for kind in self.kinds))

    def __call__(self, sidecar: Sidecar, verilog: Path) -> dict[Path, str]:
        """The texts by their paths, for the core that ``sidecar`` describes in the file ``verilog``; marks are blank.

        Raises :class:`CaptwinError` if the file's name cannot stand in other files.
        """
        kinds = self.written_kinds
        if kinds:
            check_name(verilog.name, "the Verilog file")
        paths = {
            kind: [verilog.with_name(verilog.stem + ending) for ending in endings] for kind, endings in ENDINGS.items()
        }
        (testbench,), (sdc, xdc) = paths["testbench"], paths["constraints"]
        texts = {}
        if "instance" in kinds:
            texts[paths["instance"][0]] = instance(sidecar)
        if "testbench" in kinds:
            texts[testbench] = self._testbench(sidecar, verilog.name, testbench.name)
        if "constraints" in kinds:
            texts |= {path: constraints(sidecar, self.clock_hz) for path in (sdc, xdc)}
        if "fusesoc" in kinds:
            texts[paths["fusesoc"][0]] = fusesoc(sidecar, verilog.name, testbench.name, sdc.name, xdc.name)
        return texts

    def _testbench(self, sidecar: Sidecar, verilog: str, name: str) -> str:
        pixels = random_images(self.chip, RANDOM_IMAGES) if self.pixels is None else self.pixels
        return checking_testbench(self.chip, sidecar, pixels, verilog, name, self.pixels_note)


def random_images(chip: Chip, count: int) -> np.ndarray:
    """(count, pixels) uint8, always the same: random pixels, in each image up to a brightness of its own, so that some
    images bring few spikes and others many."""
    dice = np.random.default_rng(0)
    levels = dice.integers(0, PIXEL_MAX + 1, (count, 1))
    pixels = dice.integers(0, PIXEL_MAX + 1, (count, chip.pixels))
    return np.minimum(pixels, levels).astype(np.uint8)
