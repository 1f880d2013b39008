"""Runs cocotb's benches in the simulators."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

from cocotb_tools.runner import get_runner

from hw.support.errors import CaptwinError
from sim.rtl.simulators import Simulator, keep_runtime, require, reuse_runtime

_BUILD_ARGUMENTS: dict[Simulator, list[str]] = {
    # cocotb makes every signal public, which costs most of Verilator's optimisations: the ports will do.
    "verilator": ["-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--output-split", "0", "--no-public-flat-rw"],
    "icarus": [],
}


def run_bench(
    simulator: Simulator,
    sources: Sequence[Path],
    top: str,
    bench: str,
    folder: Path,
    *,
    arguments: Sequence[str] = (),
    waves: bool = False,
) -> tuple[float, float]:
    """Builds ``sources`` and runs the cocotb module ``bench`` on ``top``; returns the seconds that each took.

    The bench finds ``folder`` in ``CAPTWIN_JOB`` and leaves there what it has to say: a test of cocotb that fails is
    not noticed here. Raises :class:`CaptwinError` if tools are missing or fail.
    """
    timescale = ("1ns", "1ps")
    with _environment(require(simulator)):
        runner = get_runner(simulator)
        if simulator == "verilator":
            reuse_runtime(folder / "build", waves)
        start = perf_counter()
        _call(
            simulator,
            folder / "build.log",
            lambda log: runner.build(
                sources=sources,
                hdl_toplevel=top,
                build_dir=folder / "build",
                build_args=[*_BUILD_ARGUMENTS[simulator], *arguments],
                timescale=timescale,
                waves=waves,
                log_file=log,
            ),
        )
        if simulator == "verilator":
            keep_runtime(folder / "build", waves)
        built = perf_counter()
        _call(
            simulator,
            folder / "run.log",
            lambda log: runner.test(
                test_module=bench,
                hdl_toplevel_lang="verilog",
                hdl_toplevel=top,
                build_dir=folder / "build",
                results_xml=str(folder / "results.xml"),
                extra_env={"CAPTWIN_JOB": str(folder)},
                timescale=timescale,
                waves=waves,
                log_file=log,
            ),
        )
    return built - start, perf_counter() - built


def _call(simulator: Simulator, log: Path, action: Callable[[Path], object]) -> None:
    """Runs one step of cocotb's runner, which exits or raises as it sees fit, with its output in ``log``."""
    try:
        action(log)
    except (SystemExit, RuntimeError, OSError) as error:
        raise CaptwinError(f"{simulator} failed ({error}); see {log}") from None


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """``os.environ`` with ``changes``; and without pytest's marks, which would change what cocotb's runner does."""
    before = dict(os.environ)
    os.environ.update(changes)
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
