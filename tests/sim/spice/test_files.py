"""Files that a user gives to ngspice: what they say is read as ngspice reads it."""

import re
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import MODELS, open_bench
from captwin.sim.spice.source import read_source
from tests.sim.spice.user_files import NETLIST, REST, simulated, with_lines
from tests.support.needs import needs_ngspice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".tran 1p 1n", "own.cir, line 46: .tran: not a part of a circuit"),
        (".csparam x={1}", "csparam: not a part"),
        (".meas tran x find v(a) at=1n", "meas: not a part"),
        (".temp 85", "give --temperature"),
        (".lib tt", r"cannot use '.lib tt' here; write .lib 'FILE' SECTION"),
        (".include", r"cannot read '.include'; write .include 'FILE'"),
        (".include 'a b", "cannot read"),
        (".include none.inc", "no file 'none.inc' beside it"),
        (f".include {'x' * 300}", "no file"),
        (".include own.cir", "own.cir includes itself"),
        (".include '/dev/zero'", "no regular file"),
        (".subckt part a b", "own.cir: .subckt part has no .ends; write it after its last element"),
        (".ends part\n.macro part a b\n.eom\n.ends", "own.cir: .ends part: no .subckt stands before it; take it out"),
        (".lib 'own.cir' tt", "no section 'tt'; its sections are none"),
        ("a1 %v(a) fs\n.model fs filesource(file='/etc/passwd')", "filesource: devices that use files or programs"),
        (".model p\n+ d_process(process_file='x')", "d_process: devices"),
        ("r1 a\x00 0 1", "line 46: no SPICE text"),
        ("r1 \x1b[31m 0 1", "no SPICE text"),
    ],
)
def test_what_is_no_circuit_is_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "own.cir").write_text(with_lines(text))
    with pytest.raises(CaptwinError, match=message) as caught:
        read_source(tmp_path / "own.cir", "netlist")
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [
                    b"\n",
                    b"\n",
                    b".lib ",
                    b"'own.cir'",
                    b" a",
                    b".include ",
                    b".endl",
                    b".control",
                    b"\r",
                    b'"',
                    b"\xff",
                    b"$",
                ]
                + [
                    b".lib a\n",
                    b"\xff",
                    b".end",
                    b"*#",
                    b"\x00",
                    b"../",
                    b"/",
                    b"~",
                    b"%s",
                    b".subckt neuron",
                    b"{",
                    b"'",
                ]
            ),
        ),
        max_size=14,
    ),
    st.sampled_from([None, "a", "tt"]),
)
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path, pieces, section):
    (tmp_path / "own.cir").write_bytes(b"".join(pieces))
    try:
        text = read_source(tmp_path / "own.cir", "netlist", section).text
    except CaptwinError as error:
        assert str(error).isprintable()
    else:
        for line in text.split("\n"):
            assert not re.match(r"\s*(\.(control|endc|inc|lib|end\b)|[*#])", line, re.IGNORECASE), line


def test_circles_and_floods_end(tmp_path):
    (tmp_path / "a.inc").write_text(".include b.inc\n")
    (tmp_path / "b.inc").write_text(".include a.inc\n")
    with pytest.raises(CaptwinError, match="includes itself"):
        read_source(tmp_path / "a.inc", "netlist")
    (tmp_path / "x.lib").write_text(".lib a\n.lib 'x.lib' a\n.endl\n")
    with pytest.raises(CaptwinError, match="too many files"):
        read_source(tmp_path / "x.lib", "device models", "a")
    for level in range(20):
        (tmp_path / f"{level}.inc").write_text(f".include {level + 1}.inc\n" * 2)
    (tmp_path / "20.inc").write_text("r1 a 0 1\n")
    with pytest.raises(CaptwinError, match="too many files"):
        read_source(tmp_path / "0.inc", "netlist")


@needs_ngspice
def test_files_beside_the_netlist_and_with_blanks_are_found(tmp_path):
    folder = tmp_path / "my  files' $HOME {x}"
    folder.mkdir()
    lines = NETLIST.splitlines(keepends=True)
    parameters = [line for line in lines if line.startswith(".param")]
    (folder / "sizes of mine.inc").write_text("".join(parameters))
    rest = [line for line in lines if not line.startswith(".param")]
    netlist, models = folder / "own neuron.cir", folder / "my models.lib"
    netlist.write_text("* title\n.include 'sizes of mine.inc' $ beside it\n" + "".join(rest))
    shutil.copy(MODELS, folder / MODELS.name)
    models.write_text(f'.lib typical ; the usual one\n.lib "{MODELS.name}" TT // all\n.endl typical\n')
    bench = open_bench("own", netlist=netlist, models=models, conditions=Conditions("typical"))
    reference = open_bench("charge_share")
    assert bench.parameters == reference.parameters
    assert bench.simulate(REST) == reference.simulate(REST)
    # A link to it elsewhere finds the files beside the netlist itself.
    (tmp_path / "link.cir").symlink_to(netlist)
    assert open_bench("own", netlist=tmp_path / "link.cir").parameters == reference.parameters


@needs_ngspice
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" v_read=0.9", " v_read=0.9 $ was: v_ref=0.60 v_read=0.5"),
        (" v_read=0.9", " v_read=0.9 ; v_ref=0.60 v_read=0.5"),
        ("v_ref=0.72", "v_ref={0.4*supply}"),
        ("v_ref=0.72", "v_ref='supply*0.4'"),
        ("v_ref=0.72", "V_REF = 720m"),
        (" v_reset=0.70", "\n* a comment between\n\n+ v_reset=0.70"),
        (".subckt neuron", ".subckt other a b\n.param v_read=0.1 supply=5\nr1 a b {supply}\n.ends\n\n.subckt neuron"),
        ("vdd vref vreset\n", "vdd vref vreset ; all of them\n"),
        ("vdd vref vreset\n", "$ some\n* and\n+ vdd vref\n+ vreset\n"),
        ("vdd vref vreset\n", "vdd vref vreset wide=1u\n"),
        ("v_reset=0.70", "v_reset=0.70 v_min=3 v_max=-3"),
        ("* Charge", "\N{BYTE ORDER MARK}* Charge"),
        ("\n", "\r\n"),
        ("fabricated by nobody.", "größe 25 °C."),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_what_ngspice_reads_is_what_counts(tmp_path, old, new, encoding):
    assert old in NETLIST
    netlist = tmp_path / "own.cir"
    netlist.write_bytes(NETLIST.replace(old, new).encode(encoding, "ignore"))
    parameters, cycle = simulated(netlist)
    reference = open_bench("charge_share")
    assert parameters == pytest.approx(reference.parameters) and cycle == reference.simulate(REST)[0]


@needs_ngspice
def test_a_port_of_another_name_is_missing_in_ngspices_listing(tmp_path):
    netlist = tmp_path / "own.cir"
    netlist.write_text(NETLIST.replace("vdd vref vreset\n", "vdd vref ; vreset\n"))
    with pytest.raises(CaptwinError, match="lacks the port vreset"):
        open_bench("own", netlist=netlist)


@needs_ngspice
def test_everything_that_changes_a_result_is_in_the_key(tmp_path, monkeypatch):
    inner, models, netlist = tmp_path / "inner.inc", tmp_path / MODELS.name, tmp_path / "own.cir"
    inner.write_text(".param unused=1\n")
    shutil.copy(MODELS, models)
    netlist.write_text(with_lines(".include inner.inc"))
    keys = [open_bench("own", netlist=netlist, models=models).key]
    keys.append(open_bench("own", netlist=netlist, models=models, conditions=Conditions(temperature=28.0)).key)
    keys.append(open_bench("own", netlist=netlist, models=models, c_column=2e-12).key)
    inner.write_text(".param unused=2\n")
    keys.append(open_bench("own", netlist=netlist, models=models).key)
    models.write_text(models.read_text().replace("vto=0.45", "vto=0.46"))
    keys.append(open_bench("own", netlist=netlist, models=models).key)
    monkeypatch.setattr("captwin.sim.spice.benches.bench.ngspice_version", lambda: "ngspice-99")
    keys.append(open_bench("own", netlist=netlist, models=models).key)
    assert len(set(keys)) == len(keys)
    # Where the files lie changes nothing.
    (tmp_path / "elsewhere").mkdir()
    for file in (inner, models, netlist):
        shutil.copy(file, tmp_path / "elsewhere")
    elsewhere = tmp_path / "elsewhere"
    assert open_bench("own", netlist=elsewhere / "own.cir", models=elsewhere / MODELS.name).key == keys[-1]


@needs_ngspice
def test_decks_name_no_file(tmp_path):
    bench = open_bench("charge_share")
    assert str(MODELS.parent) not in bench.deck(REST) and ".lib" not in bench.deck(REST)
    assert ".inc" not in bench.deck(REST)
