"""What verbs say of columns that have no room for their wire."""

from dataclasses import replace

import numpy as np

from captwin.scripts.lines import line_doubts, metal_of
from captwin.sim.devices.crossbar import crossbar_of
from captwin.sim.pdk.catalogue import find_pdk
from tests.support.circuit_chips import circuit_chip


def test_a_layer_without_room_is_named():
    chip = circuit_chip(1, sizes=(784, 6, 4))
    foundry = replace(chip, analog=replace(chip.analog, circuit="gf180_charge_share"))
    (line,) = line_doubts(foundry)
    wire = 1e15 * crossbar_of(chip.layers[0], find_pdk("gf180mcu").wires).column.farads
    assert line == (
        f"layer 0: the wire of a column takes {wire:.0f} fF, {wire - 100:.0f} fF more than C_column leaves it;"
        f" train with parasitic = {np.ceil(wire / 10) / 100:g} or more"
    )
    roomy = [replace(layer, c_column=np.float32(1.1) * layer.c_column) for layer in foundry.layers]
    assert line_doubts(replace(foundry, layers=tuple(roomy))) == []


def test_where_no_metal_is_known_nothing_is_said():
    chip = circuit_chip(1, sizes=(784, 6, 4))
    assert metal_of(chip) is None and line_doubts(chip) == []
    assert line_doubts(replace(chip, analog=replace(chip.analog, circuit="mine"))) == []
