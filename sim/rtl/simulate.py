"""Runs a chip's Verilog in a simulator, beside the golden model."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Sidecar
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.generated import check_replaceable, write_generated
from captwin.hw.support.locks import LOCK, locked_folder
from captwin.hw.verilog import KIND, sidecar_path
from captwin.sim.golden import check_pixels
from captwin.sim.rtl.design import OWN, Design, own_design
from captwin.sim.rtl.scoreboard import Divergence
from captwin.sim.rtl.simulators import Simulator, require
from captwin.sim.rtl.testbench.job import OUTCOME, Job, Outcome, Stalls
from captwin.sim.rtl.testbench.launch import run_testbench

CLOCK_HZ = 100e6
#: the module that cocotb runs
TESTBENCH = "captwin.sim.rtl.testbench.cocotb_test"


@dataclass(frozen=True)
class Simulation:
    """What came of simulating a chip. Cycles are clock cycles of the core."""

    simulator: Simulator
    folder: Path
    verilog: Path
    waveform: Path | None
    images: int
    labels: np.ndarray  #: (images,) classes that the gates named
    compared: dict[str, int]  #: numbers compared, by signal
    mismatches: int
    first_divergence: Divergence | None
    latency_cycles: np.ndarray  #: (images,) from an image's first pixel to its result
    interval_cycles: float | None  #: mean distance of results when images follow each other at once; of one, none
    total_cycles: int
    counters: dict[str, int]
    build_seconds: float
    run_seconds: float

    @property
    def mean_latency(self) -> float | None:
        """Mean of ``latency_cycles``; without a result there is none."""
        return float(self.latency_cycles.mean()) if len(self.latency_cycles) else None

    @property
    def latency_seconds(self) -> float | None:
        """Mean time from first pixel to result at 100 MHz; without a result there is none."""
        return None if self.mean_latency is None else self.mean_latency / CLOCK_HZ

    @property
    def interval_seconds(self) -> float | None:
        """Mean time from result to result at 100 MHz; a single result has none."""
        return None if self.interval_cycles is None else self.interval_cycles / CLOCK_HZ


def simulate(
    chip: Chip,
    pixels: np.ndarray,
    folder: Path,
    *,
    simulator: Simulator = "verilator",
    options: CoreOptions = CoreOptions(),  # noqa: B008 (frozen)
    design: Design | None = None,
    stalls: Stalls = Stalls(),  # noqa: B008 (frozen)
    waves: bool = False,
) -> Simulation:
    """Builds ``chip``, runs ``pixels`` (images, pixels) through it, and compares every number with golden.

    ``design`` is what is simulated in place of the chip's own Verilog with ``options``.
    ``folder`` is a work folder of its own, kept afterwards. ``stalls`` are pauses of the streams. ``waves`` keeps a
    waveform. Raises :class:`CaptwinError` if tools are missing, the folder holds other things or a ``core.v`` that
    somebody changed, or the gates hang; a mismatch is reported, not raised.
    """
    check_pixels(chip, pixels)
    require(simulator)
    folder = _checked(folder, simulator)
    with locked_folder(folder):
        _clear(folder, own=design is None)
        if design is None:
            design = own_design(chip, replace(options, trace=True))
        sources, sidecar = _put(design, folder)
        Job(chip, pixels, sidecar, stalls).write(folder)
        controls = [_public_ports(folder, design.sidecar)] if simulator == "verilator" else []
        top = design.sidecar.top
        seconds = run_testbench(simulator, [*sources, *controls], top, TESTBENCH, folder, waves=waves)
        return _simulation(simulator, folder, sources[0], len(pixels), seconds, waves)


def _simulation(
    simulator: Simulator, folder: Path, verilog: Path, images: int, seconds: tuple[float, float], waves: bool
) -> Simulation:
    """What the testbench has left in ``folder``."""
    outcome = Outcome.read(folder)
    if outcome is None:
        raise CaptwinError(f"{simulator}: the testbench stopped early; see {folder / 'run.log'}")
    if outcome.stopped:
        raise CaptwinError(f"{simulator}: {outcome.stopped}; see {folder}")
    if not outcome.complete and outcome.first_divergence is None:
        raise CaptwinError(f"{simulator}: the gates sent nothing more after cycle {outcome.cycles}; see {folder}")
    results = outcome.result_cycles
    return Simulation(
        simulator=simulator,
        folder=folder,
        verilog=verilog,
        waveform=_waveform(folder) if waves else None,
        images=images,
        labels=np.array(outcome.labels),
        compared=outcome.compared,
        mismatches=outcome.mismatches,
        first_divergence=outcome.first_divergence,
        latency_cycles=np.array(outcome.latencies),
        interval_cycles=(results[-1] - results[0]) / (len(results) - 1) if len(results) > 1 else None,
        total_cycles=outcome.cycles,
        counters=outcome.counters,
        build_seconds=seconds[0],
        run_seconds=seconds[1],
    )


def _put(design: Design, folder: Path) -> tuple[list[Path], Path]:
    """Puts a design's files into the work folder: our own where people find them, copies of others' with the build."""
    if not design.given:
        verilog = folder / OWN
        write_generated({verilog: design.files[OWN], sidecar_path(verilog): design.sidecar.text()}, advice=ADVICE)
        return [verilog], sidecar_path(verilog)
    place = folder / BUILD
    place.mkdir(exist_ok=True)
    for name, text in design.files.items():
        (place / name).write_text(text)
    (place / "given.json").write_text(design.sidecar.text())
    return [place / name for name in design.files], place / "given.json"


def _public_ports(folder: Path, sidecar: Sidecar) -> Path:
    """A Verilator control file that lets cocotb see the top's ports."""
    lines = [f'public_flat_rw -module "{sidecar.top}" -var "{port.name}"' for port in sidecar.ports]
    control = folder / "ports.vlt"
    control.write_text("\n".join(["`verilator_config", *lines, ""]))
    return control


MARKER = ".captwin-simulation"
#: where run_testbench builds
BUILD = "build"
ADVICE = "simulate it with --verilog, or name another folder"


def _checked(folder: Path, simulator: Simulator) -> Path:
    """``folder``, if it is new or an earlier simulation's."""
    folder = folder.absolute()
    try:
        others = folder.exists() and any(entry.name != LOCK for entry in folder.iterdir())
    except OSError as error:
        raise CaptwinError(f"{folder}: cannot use as simulation folder: {error.strerror}") from None
    if others and not (folder / MARKER).exists():
        raise CaptwinError(f"{folder}: cannot use as simulation folder: it holds other things; name a new one")
    return folder


def _clear(folder: Path, own: bool) -> None:
    """Removes what an earlier simulation left, unless somebody has changed what is to be replaced."""
    if own:
        check_replaceable(folder / OWN, KIND, ADVICE)
    try:
        shutil.rmtree(folder / BUILD, ignore_errors=True)
        (folder / OUTCOME).unlink(missing_ok=True)
        (folder / MARKER).touch()
    except OSError as error:
        raise CaptwinError(f"{folder}: cannot use as simulation folder: {error.strerror}") from None


def _waveform(folder: Path) -> Path | None:
    return next((path for suffix in ("vcd", "fst") for path in sorted(folder.rglob(f"*.{suffix}"))), None)
