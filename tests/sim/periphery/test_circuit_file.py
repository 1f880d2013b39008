"""The file of a circuit's periphery: what is written is read, what is wrong is said, ours are whole."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from captwin.hw.chip import Chip, ChipError
from captwin.hw.periphery import Driver, Periphery
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.crossbar import crossbar_of
from captwin.sim.neurons.circuits import TABLES, around_neurons, circuit_conditions, load_circuit, on_circuit
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.periphery.circuit import clock_load
from captwin.sim.periphery.circuit_file import CircuitPeriphery, find_periphery, periphery_file
from captwin.train.zoo import load_chip
from tests.support.tables import small_table

PERIPHERY = Periphery(Driver(5e-14, 0.9, 1e-12, 6.0), Driver(5e-14, 0.9, 7e-13, 13.0), 4, 1.2e-14, 16, 1e-6, 0.0)


def whole(**changes: object) -> CircuitPeriphery:
    values = {
        "circuit": "drawn",
        "pdk": "gf180mcu",
        "date": "2026-01-31",
        "source_sha256": "0" * 64,
        "supply": 1.8,
        "v_read": 1.2,
        "rail": 2.85,
        "switch_width": 4e7,
        "inverter_input": 5e-9,
        "neuron_pitch": 6e-6,
        "clock_wire": 5e-15,
        "conditions": {"tt_27": PERIPHERY, "ss_-40": replace(PERIPHERY, bias_current=2e-6)},
    }
    return CircuitPeriphery.model_validate({**values, **changes})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    whole().save(tmp_path / "periphery.json")
    assert CircuitPeriphery.load(tmp_path / "periphery.json") == whole()


def test_a_table_finds_its_periphery(tmp_path: Path) -> None:
    """It lies in the folder of the table's other conditions, and a chip on the table gets it."""
    path = tmp_path / "mine.json"
    table = replace(small_table(), v_read=1.2)
    table.save(path)
    assert load_circuit(str(path)).around is None
    folder = tmp_path / "mine"
    folder.mkdir()
    whole(circuit=table.circuit).save(folder / "periphery.json")
    found = load_circuit(str(path))
    assert found.around is not None and found.around.periphery == PERIPHERY
    assert found.circuit_sha256 == table.circuit_sha256
    assert circuit_conditions(str(path)) == (Conditions(),)
    layers = load_chip("digits-tiny").layers
    (bar,) = (crossbar_of(layer, find_pdk("gf180mcu").wires) for layer in layers)
    around = around_neurons(found, 0.6, layers)
    assert around.pop("row_wires") == pytest.approx((bar.row_wire,), rel=1e-4)
    assert around == {"clock_wire": 5e-15, "periphery": PERIPHERY}
    assert around_neurons(found, 1.3, layers)["periphery"] is None


def test_a_chip_file_holds_it(tmp_path: Path) -> None:
    """All that its energy is reckoned from; a chip without it is written as before, byte for byte."""
    chip = load_chip("digits-tiny")
    chip.save(tmp_path / "chip.safetensors")
    assert b'"periphery' not in (tmp_path / "chip.safetensors").read_bytes()
    around = replace(chip, analog=replace(chip.analog, periphery=PERIPHERY, row_wires=(3e-16,)))
    around.save(tmp_path / "chip.safetensors")
    read = Chip.load(tmp_path / "chip.safetensors")
    assert read.analog == around.analog and read.build_id == chip.build_id
    with pytest.raises(ChipError, match="row_wires: 2 for 1 layers"):
        replace(chip, analog=replace(chip.analog, row_wires=(3e-16, 3e-16)))
    with pytest.raises(ChipError, match="row_wires: expected 0 to 1e-06 F, got 1"):
        replace(chip.analog, row_wires=(1.0,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "format: expected 'captwin-periphery'"),
        ({"version": 2}, "version: this captwin reads version 1, the file has 2"),
        ({"version": True}, "version: this captwin reads version 1, the file has True"),
        ({"circuit": "a\nb"}, "circuit: expected a plain name"),
        ({"rail": 0.0}, "rail: Input should be greater than 0"),
        ({"clock_wire": 1.0}, "clock_wire: expected 0 to 1e-06 F, got 1"),
        ({"pdk": "other"}, "PDK 'other': not known"),
        ({"extra": 1}, "extra: Extra inputs are not permitted"),
        ({"conditions": {"hot": {}}}, "conditions.hot.row_driver"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "periphery.json"
    whole().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CaptwinError, match=message) as error:
        CircuitPeriphery.load(path)
    assert str(error.value).isprintable()


def test_conditions_that_were_not_measured(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    whole().save(tmp_path / "mine" / "periphery.json")
    with pytest.raises(CaptwinError, match="holds nothing for ff, 125 deg C; captwin periphery drawn measures it"):
        find_periphery(tmp_path / "mine.json", "drawn", Conditions("ff", 125.0))
    small_table().save(tmp_path / "mine.json")
    with pytest.raises(CaptwinError, match=r"mine\.json: no table for ff, 85 deg C; there are tt at 27 deg C"):
        load_circuit(str(tmp_path / "mine.json"), "ff", 85.0)
    with pytest.raises(CaptwinError, match="is of drawn; it lies beside the table of other; put it beside its own"):
        find_periphery(tmp_path / "mine.json", "other", Conditions())


OWN = [name for name in TABLES.names() if periphery_file(TABLES.folder / f"{name}.json").is_file()]


@pytest.mark.parametrize("circuit", OWN)
def test_ours_hold_all_conditions(circuit: str) -> None:
    own = CircuitPeriphery.load(periphery_file(TABLES.folder / f"{circuit}.json"))
    assert set(own.conditions) >= {conditions.name for conditions in circuit_conditions(circuit)}
    table = NeuronTable.load(TABLES.folder / f"{circuit}.json")
    assert (own.circuit, own.supply) == (circuit, table.supply) and table.v_read <= own.v_read
    lines = max(periphery.clock_lines for periphery in own.conditions.values())
    assert own.clock_wire == clock_load(find_pdk(own.pdk), lines)
    for periphery in own.conditions.values():
        assert periphery.clock_gates > 0 and periphery.bias_current > 0


def test_ours_stand_on_every_pdk_circuit() -> None:
    assert {"gf180_charge_share", "gf180_pass_transistor"} <= set(OWN)


def test_a_chip_of_another_circuit_gets_that_one_s() -> None:
    """Put on another circuit, a chip's energy is of what is around that circuit's neurons."""
    chip = load_chip("digits-tiny")
    assert chip.analog.periphery is None
    table = load_circuit("charge_share")
    moved = on_circuit(chip, replace(table, around=whole().at(Conditions())))
    assert moved.analog.periphery == PERIPHERY and moved.analog.row_wires is not None
    assert on_circuit(moved, table).analog == chip.analog
