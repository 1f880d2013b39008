"""From a chip to a bitstream that meets its clock."""

import json
import os
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from captwin.boards.board import Board
from captwin.boards.flow.timing import Timing, read_timing
from captwin.boards.flow.toolchain import Tool, find_tools
from captwin.boards.flow.top import BoardTop
from captwin.boards.sizing.fit import check_fit
from captwin.hw.gates.core import Core
from captwin.hw.link.selftest import Expected
from captwin.hw.support.cache import cached
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import whole_folder
from captwin.hw.support.tools import inside_environment, tool_environment
from captwin.hw.verilog import without_brackets

TOP = "captwin"
MANIFEST = "manifest.json"
#: Nobody uses what a memory reads of a word that is being written: it need not be the old one, which block RAMs would
#: have to be helped with.
INDIFFERENT = (
    "setparam -set COLLISION_X_MASK 1'1 */r:COLLISION_X_MASK=1'0 */r:TRANSPARENCY_MASK=1'0 %i */r:CLK_ENABLE=1 %i"
)


@dataclass(frozen=True)
class Placement:
    """One run of place and route."""

    seed: int
    folder: Path
    timing: Timing
    used: dict[str, int]  #: by the names of :class:`Limits`


@dataclass(frozen=True)
class Build:
    """A bitstream and how it came about."""

    board: Board
    folder: Path
    bitstream: Path
    manifest: Path
    placements: list[Placement]  #: in the order of their seeds
    best: Placement


def build(
    core: Core,
    board: Board,
    expected: Expected,
    folder: Path,
    *,
    seeds: int = 1,
    clock_hz: float | None = None,
    native: bool = False,
    progress: Callable[[str], None] = lambda said: None,
) -> Build:
    """Builds ``core`` for ``board`` into ``folder``, placing it with seeds 1 to ``seeds`` and keeping the fastest.

    ``clock_hz`` is wanted in place of the board's; ``progress`` hears what is being done. The same inputs and tools
    give the same bytes. Raises :class:`CaptwinError` if the core is too large, a tool is missing or fails, or no
    placement meets the clock.
    """
    check_fit(core.chip, core.options, board)
    tools = find_tools(board.family, native=native)
    platform = board.platform()
    pll = board.family.pll(platform.default_clk_frequency, clock_hz or board.clock_hz)
    with inside_environment(tool_environment()):  # AMARANTH_add_constraints and its like would change the build
        plan = platform.prepare(BoardTop(board, core, expected, pll), TOP)
    netlist = re.sub(r"^ *attribute .src .*\n", "", _text(plan.files[f"{TOP}.il"]), flags=re.MULTILINE)
    netlist = without_brackets(netlist)
    constraints = board.family.tightened(_text(plan.files[board.family.constraints]))

    synthesis, place, pack = tools
    progress("synthesis")
    command = f"{INDIFFERENT}; {board.family.synthesis(TOP)}"
    synthesis_key = (netlist, command, synthesis.version)
    synthesised, _ = cached("synthesis", synthesis_key, lambda into: _synthesise(synthesis, netlist, command, into))
    cells = board.family.finish((synthesised / "netlist.json").read_text(), TOP)
    digest = sha256(cells.encode()).hexdigest()

    def placement(seed: int) -> Placement:
        arguments = board.family.place(board.part, pll.output_hz, seed)

        def make(into: Path) -> None:
            (into / "netlist.json").write_text(cells)
            (into / board.family.constraints).write_text(constraints)
            place.run(arguments, into)
            pack.run(board.family.pack(board.part), into)
            (into / "netlist.json").unlink()

        kept, _ = cached("placement", (digest, constraints, *arguments, place.version, pack.version), make)
        report = json.loads((kept / "report.json").read_text())
        used = {
            name: int(report["utilization"].get(key, {"used": 0})["used"])
            for name, key in board.family.resources.items()
        }
        return Placement(seed, kept, read_timing(report, pll.output_hz), used)

    placements = []
    with ThreadPoolExecutor(min(seeds, os.cpu_count() or 1)) as pool:
        jobs = [pool.submit(placement, seed) for seed in range(1, seeds + 1)]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                placements.append(job.result())
                progress(f"place and route, {done} of {seeds} done")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    placements.sort(key=lambda placement: placement.seed)
    best = max(placements, key=lambda placement: placement.timing.reached_hz)
    if not best.timing.met:
        reached = ", ".join(f"{placement.timing.reached_hz / 1e6:.2f}" for placement in placements)
        raise CaptwinError(
            f"{board.title}: {reached} MHz reached, {pll.output_hz / 1e6:g} MHz wanted (a placement each); "
            f"{best.timing.critical_path}; try more --seeds, or a lower --clock"
        )
    manifest = _manifest(core, board, tools, placements, best, pll.output_hz)
    manifest["sha256"] = {
        "rtlil": sha256(netlist.encode()).hexdigest(),
        "netlist": digest,
        "bitstream": sha256((best.folder / board.family.bitstream).read_bytes()).hexdigest(),
    }
    # A page tells of the build beside it only.
    own = rf"captwin\.\w+|{MANIFEST}|report\.(json|html)|.*\.log|\.captwin-chip"
    with whole_folder(folder, own) as into:
        for name in (board.family.bitstream, "report.json", f"{place.name}.log"):
            shutil.copy(best.folder / name, into)
        (into / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return Build(board, folder, folder / board.family.bitstream, folder / MANIFEST, placements, best)


def _synthesise(tool: Tool, netlist: str, command: str, into: Path) -> None:
    (into / f"{TOP}.il").write_text(netlist)
    tool.run(["-q", "-l", "synthesis.log", "-p", f"read_rtlil {TOP}.il; {command}"], into)


def _manifest(
    core: Core, board: Board, tools: tuple[Tool, ...], placements: list[Placement], best: Placement, clock_hz: float
) -> dict[str, Any]:
    """What a build was made of and what came out; nothing in it changes from one run to the next."""
    limits = asdict(board.limits)
    return {
        "board": board.name,
        "build_id": f"{core.chip.build_id:016x}",
        "sizes": list(core.chip.sizes),
        "options": core.options.listed(len(core.chip.layers)),
        "clock_hz": clock_hz,
        "seed": best.seed,
        "reached_hz": best.timing.reached_hz,
        "reached_hz_by_seed": {str(placement.seed): placement.timing.reached_hz for placement in placements},
        "used": {name: {"used": used, "of": limits[name]} for name, used in best.used.items()},
        "critical_path": asdict(best.timing.critical_path),
        "versions": {"captwin": version("captwin"), "amaranth": version("amaranth")}
        | {tool.name: tool.version for tool in tools},
    }


def _text(content: bytes | str) -> str:
    return content.decode() if isinstance(content, bytes) else content
