"""Runs a chip's Verilog in a simulator, beside the golden model."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.support.errors import CaptwinError
from hw.verilog import TOP, write_verilog
from sim.golden import check_pixels
from sim.rtl.launch import run_bench
from sim.rtl.scoreboard import Divergence
from sim.rtl.simulators import Simulator, require

CLOCK_HZ = 100e6


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
    interval_cycles: float  #: mean distance of results when images follow each other at once
    total_cycles: int
    counters: dict[str, int]
    build_seconds: float
    run_seconds: float

    @property
    def latency_seconds(self) -> float:
        """Mean time from first pixel to result at 100 MHz."""
        return float(self.latency_cycles.mean()) / CLOCK_HZ

    @property
    def interval_seconds(self) -> float:
        """Mean time from result to result at 100 MHz."""
        return self.interval_cycles / CLOCK_HZ


def simulate(
    chip: Chip,
    pixels: np.ndarray,
    folder: Path,
    *,
    simulator: Simulator = "verilator",
    options: CoreOptions = CoreOptions(),  # noqa: B008 (frozen)
    stall: float = 0.0,
    seed: int = 0,
    waves: bool = False,
) -> Simulation:
    """Builds ``chip``, runs ``pixels`` (images, pixels) through it, and compares every number with golden.

    ``folder`` is a work folder of its own, kept afterwards. ``stall`` is the chance, each cycle and stream, that a
    stream pauses; ``seed`` decides when; if it is not 0, the core is also reset in the middle of an image first.
    ``waves`` keeps a waveform. Raises :class:`CaptwinError` if tools are missing, the folder holds other things, or
    the gates hang; a mismatch is reported, not raised.
    """
    check_pixels(chip, pixels)
    if not 0 <= stall < 1:
        raise CaptwinError(f"stall: must be at least 0 and below 1, got {stall}")
    require(simulator)
    folder = _fresh(folder, simulator)
    verilog = folder / "core.v"
    write_verilog(Core(chip, replace(options, trace=True)), verilog)
    chip.save(folder / "chip.safetensors")
    np.save(folder / "images.npy", pixels, allow_pickle=False)
    (folder / "job.json").write_text(json.dumps({"stall": stall, "seed": seed}))
    sources = [verilog]
    if simulator == "verilator":
        sources.append(_public_ports(folder))
    build_seconds, run_seconds = run_bench(simulator, sources, TOP, "sim.rtl.bench", folder, waves=waves)
    outcome_file = folder / "outcome.json"
    if not outcome_file.exists():
        raise CaptwinError(f"{simulator}: the bench stopped early; see {folder / 'run.log'}")
    outcome = json.loads(outcome_file.read_text())
    first = outcome["first_divergence"]
    if not outcome["complete"] and first is None:
        raise CaptwinError(f"{simulator}: the gates sent nothing more after cycle {outcome['cycles']}; see {folder}")
    results = outcome["result_cycles"]
    return Simulation(
        simulator=simulator,
        folder=folder,
        verilog=verilog,
        waveform=_waveform(folder) if waves else None,
        images=len(pixels),
        labels=np.array(outcome["labels"]),
        compared=outcome["compared"],
        mismatches=outcome["mismatches"],
        first_divergence=Divergence(**first) if first else None,
        latency_cycles=np.array(outcome["latencies"]),
        interval_cycles=(results[-1] - results[0]) / max(len(results) - 1, 1) if results else 0.0,
        total_cycles=outcome["cycles"],
        counters=outcome["counters"],
        build_seconds=build_seconds,
        run_seconds=run_seconds,
    )


def _public_ports(folder: Path) -> Path:
    """A Verilator control file that lets cocotb see the top's ports."""
    ports = [port["name"] for port in json.loads((folder / "core.json").read_text())["ports"]]
    lines = [f'public_flat_rw -module "{TOP}" -var "{name}"' for name in ports]
    control = folder / "ports.vlt"
    control.write_text("\n".join(["`verilator_config", *lines, ""]))
    return control


MARKER = ".captwin-simulation"


def _fresh(folder: Path, simulator: Simulator) -> Path:
    """``folder``, made or emptied of what an earlier simulation left; refused if it holds anything else."""
    folder = folder.absolute()
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
            raise CaptwinError(f"{folder}: cannot use as simulation folder: it holds other things; name a new one")
        shutil.rmtree(folder / "build", ignore_errors=True)
        (folder / "outcome.json").unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).touch()
    except OSError as error:
        raise CaptwinError(f"{folder}: cannot use as simulation folder: {error.strerror}") from None
    return folder


def _waveform(folder: Path) -> Path | None:
    return next((path for suffix in ("vcd", "fst") for path in sorted(folder.rglob(f"*.{suffix}"))), None)
