"""``captwin wires`` tells of a chip's lines."""

import json

import pytest

from captwin.sim.devices.crossbar import crossbar_of
from captwin.sim.pdk.catalogue import find_pdk
from tests.support.circuit_chips import circuit_chip
from tests.support.needs import needs_ngspice


def test_lines_of_a_chip(captwin, tmp_path):
    chip = circuit_chip(1, sizes=(784, 6, 4))
    chip.save(tmp_path / "chip.safetensors")
    status, out, _ = captwin("wires", "chip.safetensors")
    assert status == 0 and "layer 0: room in C_column for it" in out
    assert "fF TOO LITTLE; train with parasitic = 0.1" in out and "enough" in out
    status, out, _ = captwin("wires", "chip.safetensors", "--json")
    result = json.loads(out)
    bar = crossbar_of(chip.layers[0], find_pdk("gf180mcu").wires)
    first = result["layers"][0]
    assert status == 0 and first["column"] == {"ohms": bar.column.ohms, "farads": bar.column.farads}
    assert first["missing_room_f"] > 0 > result["layers"][1]["missing_room_f"]
    assert first["row_wire_f"] == pytest.approx(bar.row_line.farads / 6)


@pytest.mark.proof
@needs_ngspice
def test_columns_with_resistance(captwin):
    status, out, _ = captwin("wires", "digits", "--images", "1", "--neurons", "2", "--driver", "200", "--json")
    result = json.loads(out)
    assert status == 0 and [place["at_v"] for place in result["drift_v_a_cycle"]] == [0.56, 0.72, 0.88]
    for layer in result["layers"]:
        images, every = layer["moved"], layer["moved_by_all_rows"]
        assert images["cycles"] == every["cycles"] == 16 and images["other_spikes"] == 0
        assert 0 < images["rms"] <= images["worst"] < 2e-4 and 0 < every["worst"] < 2e-3


def test_a_driver_that_is_none(captwin):
    status, out, err = captwin("wires", "digits", "--driver", "1e300")
    assert (status, out) == (2, "") and "'--driver': Input should be less than or equal to 1000000000" in err


def test_a_circuit_that_is_not_known(captwin, tmp_path):
    status, _, err = captwin("wires", "digits", "--netlist", str(tmp_path))
    assert status == 1 and "the folder holds no charge_share.cir" in err
    status, _, err = captwin("wires", "digits", "--netlist", "none.cir")
    assert status == 1 and "none.cir: cannot read netlist: No such file" in err
