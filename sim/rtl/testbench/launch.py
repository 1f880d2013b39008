"""Runs cocotb testbenches in the simulators."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from cocotb_tools import config
from cocotb_tools.runner import get_runner

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import has_blanks, inside_environment, temporary_root, without_blanks
from captwin.sim.rtl.simulators import Simulator, keep_runtime, require, reuse_runtime

_BUILD_ARGUMENTS: dict[Simulator, list[str]] = {
    # cocotb makes every signal public, which costs most of Verilator's optimisations: the ports will do.
    "verilator": ["-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--output-split", "0", "--no-public-flat-rw"],
    "icarus": [],
}

#: Where pytest is installed, cocotb would have it compile all that is imported once more, Numba and SciPy too: seconds.
_ENVIRONMENT = {"COCOTB_REWRITE_ASSERTION_FILES": ""}

#: files in which simulators keep waveforms
WAVEFORMS = (".vcd", ".fst")


def run_testbench(
    simulator: Simulator,
    sources: Sequence[Path],
    top: str,
    testbench: str,
    folder: Path,
    *,
    arguments: Sequence[str] = (),
    waves: bool = False,
) -> tuple[float, float]:
    """Builds ``sources`` and runs the cocotb module ``testbench`` on ``top``; returns the seconds that each took.

    The testbench finds ``folder`` in ``CAPTWIN_JOB`` and leaves its outcome there: a cocotb test that fails is not
    noticed here. Raises :class:`CaptwinError` if tools are missing or fail.
    """
    timescale = ("1ns", "1ps")
    with inside_environment(require(simulator)), _linked_cocotb(), _place_without_blanks(folder, sources) as place:
        build, files = place
        runner = get_runner(simulator)
        if simulator == "verilator":
            reuse_runtime(build, waves)
        start = perf_counter()
        _call(
            simulator,
            folder / "build.log",
            lambda log: runner.build(
                sources=files,
                hdl_toplevel=top,
                build_dir=build,
                build_args=[*_BUILD_ARGUMENTS[simulator], *arguments],
                timescale=timescale,
                waves=waves,
                log_file=log,
            ),
        )
        if simulator == "verilator":
            keep_runtime(build, waves)
        built = perf_counter()
        _call(
            simulator,
            folder / "run.log",
            lambda log: runner.test(
                test_module=testbench,
                hdl_toplevel_lang="verilog",
                hdl_toplevel=top,
                build_dir=build,
                results_xml=str(folder / "results.xml"),
                extra_env={"CAPTWIN_JOB": str(folder), **_ENVIRONMENT},
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


@contextmanager
def _linked_cocotb() -> Iterator[None]:
    """Names cocotb's folders, which go into a makefile, by links if they have blanks in their names."""
    before = config.libs_dir, config.share_dir
    config.libs_dir, config.share_dir = map(without_blanks, before)
    try:
        yield
    finally:
        config.libs_dir, config.share_dir = before


@contextmanager
def _place_without_blanks(folder: Path, sources: Sequence[Path]) -> Iterator[tuple[Path, list[Path]]]:
    """Where to build, and ``sources``: ``folder / "build"``, or copies elsewhere if make would not take that name.

    What a run leaves is in ``folder / "build"`` in the end.
    """
    build = folder / "build"
    if not any(map(has_blanks, (build, *sources))):
        yield build, list(sources)
        return
    with tempfile.TemporaryDirectory(prefix="captwin-", dir=temporary_root()) as name:
        place = Path(name)
        yield place, [Path(shutil.copy(source, place)) for source in sources]
        build.mkdir(parents=True, exist_ok=True)
        for path in place.iterdir():
            if path.suffix in WAVEFORMS:
                shutil.move(path, build / path.name)
