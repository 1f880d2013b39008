"""Files that a user gives to ngspice: nothing in them is run."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import MODELS, NETLISTS, open_bench
from captwin.sim.spice.ngspice import run_deck
from captwin.sim.spice.source import read_source
from tests.sim.spice.user_files import NETLIST, REST, simulated, with_lines
from tests.support.needs import needs_ngspice

ORDERS = [
    ".control\nshell touch {mark}\n.endc",
    ".CONTROL\nshell touch {mark}\n.ENDC",
    "  .control\nshell touch {mark}\n.endc",
    ".control now\nshell touch {mark}\n.endc now",
    "*# shell touch {mark}",
    "*#shell touch {mark}",
    "## shell touch {mark}",
    "+# shell touch {mark}",
    "r1 a 0 1\n+# shell touch {mark}",
    "r1 a 0 1 \\\\\n# shell touch {mark}",
    "* a comment\r.control\rshell touch {mark}\r.endc",
    ".title x\n*# pre_shell touch {mark}",
    ".title *# shell touch {mark}",
    ".end\n.control\nshell touch {mark}\n.endc",
    ".if (1)\n.control\nshell touch {mark}\n.endc\n.endif",
    ".cont\\\\\nrol\nshell touch {mark}\n.endc",
]

PLACES = ["netlist", "models", "include", "library", "twice"]


def place(folder: Path, where: str, text: str) -> tuple[Path, Path]:
    """A netlist and a models file of which one, or a file that it includes, holds ``text``."""
    netlist, models = folder / "own.cir", folder / "own.lib"
    netlist.write_text(NETLIST)
    models.write_text(f".include '{MODELS.name}'\n" if where == "none" else f".lib '{MODELS}' tt\n")
    if where == "netlist":
        netlist.write_text(with_lines(text))
    elif where == "models":
        models.write_text(models.read_text() + text + "\n")
    elif where == "include":
        (folder / "inner.inc").write_text(text + "\n")
        netlist.write_text(with_lines(".inc inner.inc"))
    elif where == "library":
        (folder / "inner.lib").write_text(f".lib a\n.lib 'inner.lib' b\n.endl a\n.lib b\n{text}\n.endl b\n")
        models.write_text(models.read_text() + ".LIB inner.lib A\n")
    elif where == "twice":
        (folder / "sub").mkdir(exist_ok=True)
        (folder / "sub" / "inner.inc").write_text(text + "\n")
        (folder / "outer.inc").write_text('.include "sub/inner.inc"\n')
        netlist.write_text(with_lines(".include 'outer.inc'"))
    return netlist, models


@needs_ngspice
@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("order", ORDERS)
def test_no_file_gives_orders(tmp_path, order, where):
    mark = tmp_path / "mark"
    netlist, models = place(tmp_path, where, order.format(mark=mark))
    try:
        simulated(netlist, models)
    except CaptwinError as error:
        assert "\n" not in str(error)
    assert not mark.exists()


@pytest.mark.parametrize("where", PLACES)
def test_control_blocks_are_refused_with_what_to_do(tmp_path, where):
    netlist, models = place(tmp_path, where, "\n.control\nquit\n.endc")
    with pytest.raises(CaptwinError, match=r"line \d+: .control: .* run the file yourself: ngspice -b FILE"):
        for file in (netlist, models):
            read_source(file, "netlist")


@needs_ngspice
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            [".control", ".endc", "*#", "##", "+", "#", "\\\\", "\n", "\n", "\n", "\r", "\t", " ", "shell touch MARK"]
            + ["pre_", "r1 a 0 1", ";", "$ ", "//", ".inc", ".title", ".lib", "*", "'", "{", "\x0c", "`touch MARK`"]
        ),
        max_size=12,
    )
)
def test_no_mixture_of_lines_gives_orders(tmp_path, pieces):
    mark = tmp_path / "mark"
    netlist, _ = place(tmp_path, "include", "".join(pieces).replace("MARK", str(mark)))
    try:
        open_bench("own", netlist=netlist)
    except CaptwinError as error:
        assert "\n" not in str(error)
    assert not mark.exists()


@needs_ngspice
@pytest.mark.parametrize(
    ("circuit", "corner"), [("x\n.control\nshell touch mark\n.endc\n*", "tt"), ("own", "tt\n*# shell")]
)
def test_names_are_plain(circuit, corner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CaptwinError, match="expected a plain name"):
        bench = open_bench(circuit, netlist=NETLISTS / "charge_share.cir", conditions=Conditions(corner))
        bench.simulate(REST)
    assert not (tmp_path / "mark").exists()


@needs_ngspice
def test_init_files_of_others_are_not_read(tmp_path, monkeypatch):
    mark, orders = tmp_path / "mark", f"* init\nshell touch {tmp_path / 'mark'}\n"
    for folder, name, variable in (
        ("home", ".spiceinit", "HOME"),
        ("user", ".spiceinit", "SPICE_USERINIT_DIR"),
        ("scripts", "spinit", "SPICE_SCRIPTS"),
        ("lib", "scripts/spinit", "SPICE_LIB_DIR"),
        ("here", ".spiceinit", "PWD"),
    ):
        (tmp_path / folder / name).parent.mkdir(parents=True)
        (tmp_path / folder / name).write_text(orders)
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.chdir(tmp_path / "here")
    output = run_deck("* t\nv1 a 0 1\n.control\nop\necho level $&v(a)\nquit\n.endc\n.end\n", timeout=60)
    assert "level 1" in output and not mark.exists()
