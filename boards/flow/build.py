"""From a core to a bitstream that meets its clock."""

import shutil
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from captwin.boards.flow.built import REPORT, Built
from captwin.boards.flow.design import Design, prepare
from captwin.boards.flow.implementation import Netlist, Placement, fastest, place_seeds, synthesise
from captwin.boards.flow.manifest import MANIFEST, Digests, Manifest, Used, Utilization
from captwin.boards.flow.toolchain import Toolchain, find_tools
from captwin.boards.sizing.fit import SizedCore
from captwin.hw.link.selftest import Expected
from captwin.hw.support.files import whole_folder
from captwin.hw.support.progress import Progress, silent


def build(
    core: SizedCore,
    expected: Expected,
    folder: Path,
    *,
    seeds: int = 1,
    clock_hz: float | None = None,
    native: bool = False,
    progress: Progress = silent,
) -> Built:
    """Builds ``core`` into ``folder``, placing it with seeds 1 to ``seeds`` and keeping the fastest.

    ``expected`` is the self-test's; ``clock_hz`` is wanted in place of the board's; ``native`` takes the tools on PATH;
    ``progress`` is called with what is being done, and with how many placements are done. The same inputs and tools
    give the same bytes. Raises :class:`CaptwinError` if the core is too large, a tool is missing or fails, or no
    placement meets the clock.

    >>> chip, digits = captwin.load_chip("digits-tiny"), captwin.load_dataset("digits")
    >>> core = captwin.size_core(chip, captwin.find_board("icebreaker"))
    >>> captwin.build_bitstream(core, captwin.expect_answer(chip, digits.test_images[0]), Path("build/mine")).bitstream
    PosixPath('build/mine/captwin.bin')
    """
    core.require_fit()
    tools = find_tools(core.board.family, native=native)
    design = prepare(core.board, core.gates(), expected, clock_hz)
    progress("synthesis", 0, 1)
    netlist = synthesise(design, tools)
    placements = place_seeds(design, netlist, tools, seeds, progress)
    best = fastest(design, placements)
    built = Built(folder, core.board, _manifest(core, design, netlist, placements, best, tools))
    _write(built, best, tools)
    return built


def _manifest(
    core: SizedCore,
    design: Design,
    netlist: Netlist,
    placements: list[Placement],
    best: Placement,
    tools: Toolchain,
) -> Manifest:
    limits = vars(core.board.limits)
    return Manifest(
        board=core.board.name,
        build_id=f"{core.chip.build_id:016x}",
        sizes=core.chip.sizes,
        options=core.options,
        clock_hz=design.pll.output_hz,
        seed=best.seed,
        reached_hz=best.timing.reached_hz,
        reached_hz_by_seed={placement.seed: placement.timing.reached_hz for placement in placements},
        used=Utilization(**{name: Used(number, limits[name]) for name, number in best.used.items()}),
        critical_path=best.timing.critical_path,
        versions={"captwin": version("captwin"), "amaranth": version("amaranth")}
        | {tool.name: tool.version for tool in tools},
        sha256=Digests(
            rtlil=design.digest,
            netlist=netlist.digest,
            bitstream=sha256((best.folder / core.board.family.bitstream).read_bytes()).hexdigest(),
        ),
    )


def _write(built: Built, best: Placement, tools: Toolchain) -> None:
    """Fills the build's folder, all of it or nothing. A page that is there goes: it tells of the build before."""
    own = rf"captwin\.\w+|{MANIFEST}|report\.(json|html)|.*\.log|\.captwin-chip"
    with whole_folder(built.folder, own) as folder:
        for name in (built.bitstream.name, REPORT, f"{tools.place.name}.log"):
            shutil.copy(best.folder / name, folder)
        (folder / MANIFEST).write_text(built.manifest.text())
