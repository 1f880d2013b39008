"""From a design to placements: synthesis, place and route and packing, each kept in the cache."""

import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from captwin.boards.flow.design import TOP, Design
from captwin.boards.flow.timing import Timing, read_timing
from captwin.boards.flow.toolchain import Toolchain
from captwin.hw.support.cache import cached
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress

#: Nobody uses what a memory reads of a word that is being written: it need not be the old one, which block RAMs would
#: have to be helped with.
INDIFFERENT = (
    "setparam -set COLLISION_X_MASK 1'1 */r:COLLISION_X_MASK=1'0 */r:TRANSPARENCY_MASK=1'0 %i */r:CLK_ENABLE=1 %i"
)


@dataclass(frozen=True)
class Netlist:
    """What synthesis made, as it is placed: JSON."""

    text: str

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Placement:
    """One run of place and route, and its packed bitstream."""

    seed: int
    folder: Path
    timing: Timing
    used: dict[str, int]  #: by the names of :class:`Limits`


def synthesise(design: Design, tools: Toolchain) -> Netlist:
    """What Yosys makes of ``design``, finished as its family wants it; :class:`CaptwinError` if Yosys fails."""
    family = design.board.family
    command = f"{INDIFFERENT}; {family.synthesis(TOP, waits=design.waits)}"

    def make(folder: Path) -> None:
        (folder / f"{TOP}.il").write_text(design.rtlil)
        tools.synthesis.run(["-q", "-l", "synthesis.log", "-p", f"read_rtlil {TOP}.il; {command}"], folder)

    folder, _ = cached("synthesis", (design.rtlil, command, tools.synthesis.version), make)
    return Netlist(family.finish((folder / "netlist.json").read_text(), TOP))


def place(design: Design, netlist: Netlist, tools: Toolchain, seed: int) -> Placement:
    """Places, routes and packs ``netlist``; :class:`CaptwinError` if a tool fails. Its clock need not be met."""
    board, family, clock_hz = design.board, design.board.family, design.pll.output_hz
    arguments = family.place(board.part, clock_hz, seed)

    def make(folder: Path) -> None:
        (folder / "netlist.json").write_text(netlist.text)
        (folder / family.constraints).write_text(design.constraints)
        tools.place.run(arguments, folder)
        tools.pack.run(family.pack(board.part), folder)
        (folder / "netlist.json").unlink()

    key = (netlist.digest, design.constraints, *arguments, tools.place.version, tools.pack.version)
    folder, _ = cached("placement", key, make)
    report = json.loads((folder / "report.json").read_text())
    used = {name: int(report["utilization"].get(cell, {"used": 0})["used"]) for name, cell in family.resources.items()}
    return Placement(seed, folder, read_timing(report, clock_hz), used)


def place_seeds(design: Design, netlist: Netlist, tools: Toolchain, seeds: int, progress: Progress) -> list[Placement]:
    """Placements with seeds 1 to ``seeds``, as many at once as there are processors, in the order of their seeds."""
    placements = []
    progress("place and route", 0, seeds)
    with ThreadPoolExecutor(min(seeds, os.cpu_count() or 1)) as pool:
        jobs = [pool.submit(place, design, netlist, tools, seed) for seed in range(1, seeds + 1)]
        try:
            for done, job in enumerate(as_completed(jobs), 1):
                placements.append(job.result())
                progress("place and route", done, seeds)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(placements, key=lambda placement: placement.seed)


def fastest(design: Design, placements: list[Placement]) -> Placement:
    """The fastest of ``placements``; :class:`CaptwinError`, with its slowest path, if it misses the clock."""
    best = max(placements, key=lambda placement: placement.timing.reached_hz)
    if not best.timing.met:
        reached = ", ".join(f"{placement.timing.reached_hz / 1e6:.2f}" for placement in placements)
        raise CaptwinError(
            f"{design.board.title}: {reached} MHz reached, {design.pll.output_hz / 1e6:g} MHz wanted (a placement "
            f"each); {best.timing.critical_path}; try more --seeds, or a lower --clock"
        )
    return best
