"""``captwin periphery``: what it replaces, and what not."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from captwin.hw.support.digest import sha256_of
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.periphery.circuit_file import CircuitPeriphery
from captwin.sim.periphery.measure import Line
from tests.sim.periphery.test_circuit_file import PERIPHERY, whole


def test_nothing_else_is_replaced(captwin, tmp_path):
    (tmp_path / "notes.json").write_text("{}")
    whole(circuit="yours").save(tmp_path / "yours.json")
    whole(circuit="mine").save(tmp_path / "mine.json")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for file, message in [
        ("notes.json", "notes.json: not replaced: this is no periphery; name another with --output"),
        ("yours.json", "yours.json: not replaced: it is of yours; name another with --output"),
    ]:
        status, out, err = captwin("periphery", "mine", "--corners", "tt,ff", "-o", file)
        assert (status, out, err) == (1, "", f"captwin: {message}\n")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    # One of the circuit's own would be added to, or made again: the next mistake is told of.
    for corners in ("tt", "tt,ss"):
        asked = ("periphery", "mine", "--corners", corners, "--temperatures", "27,-40", "-o", "mine.json")
        assert "mine: no netlist of that name" in captwin(*asked)[2]


def test_other_conditions_are_kept(captwin, tmp_path, monkeypatch):
    """What is there of them stays, the new ones are measured with the same drivers, and other drivers are refused."""
    netlist = ".subckt neuron\n.ends\n"
    bench = SimpleNamespace(
        circuit="mine",
        path=Path("mine.cir"),
        netlist=SimpleNamespace(raw=netlist),
        parameters={"supply": 1.8, "v_read": 1.2},
    )
    designs = []

    def measure(_, design, **options):
        designs.append((design.rail, design.inverter_input, options["regulator_current"]))
        line = Line(PERIPHERY.row_driver, 1e-9, 0.0)
        return replace(PERIPHERY, bias_current=3e-6), line, line

    monkeypatch.setattr("captwin.scripts.verbs.circuit.periphery.open_bench", lambda *_, **__: bench)
    monkeypatch.setattr("captwin.sim.periphery.circuit.pdk_of", lambda _: find_pdk("gf180mcu"))
    monkeypatch.setattr("captwin.sim.periphery.circuit.measure", measure)
    path = tmp_path / "mine.json"
    before = whole(circuit="mine", source_sha256=sha256_of(netlist))
    before.save(path)
    asked = ("periphery", "mine", "--corners", "tt,ff", "--temperatures", "27", "-o", "mine.json")
    status, out, err = captwin(*asked)
    assert status == 0 and "kept from before" in out and "ss at -40 deg C" in out, err
    after = CircuitPeriphery.load(path)
    assert set(after.conditions) == {"tt_27", "ff_27", "ss_-40"}
    assert after.conditions["ss_-40"] == before.conditions["ss_-40"]
    assert after.conditions["tt_27"].bias_current == after.conditions["ff_27"].bias_current == 3e-6
    assert set(designs) == {(before.rail, before.inverter_input, PERIPHERY.regulator_current)}

    kept = path.read_bytes()
    status, out, err = captwin(*asked, "--rail", "3")
    assert (status, out) == (1, "") and "is of another rail; measure all of them again" in err
    whole(circuit="mine").save(path)
    status, out, err = captwin(*asked)
    assert (status, out) == (1, "") and "is of another netlist" in err and path.read_bytes() != kept
