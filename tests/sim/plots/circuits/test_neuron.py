"""Pictures of neurons and weights: nothing lies upon anything else, and what is drawn is what the table holds."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.sim.neurons.circuits import ideal_twin, load_circuit
from captwin.sim.neurons.deviation import deviation
from captwin.sim.plots.chips.weights import draw_weights
from captwin.sim.plots.circuits.neuron import (
    common_axes,
    draw_difference,
    draw_neuron,
    draw_table,
    membrane_difference,
    of_layer,
    of_table,
)
from captwin.sim.plots.style import style
from captwin.train.zoo import load_chip
from tests.sim.plots.overlap import overlaps
from tests.support.tables import small_table


@pytest.mark.parametrize(
    "table", [load_circuit("charge_share"), load_circuit("pass_transistor"), small_table(jump=0.03)]
)
def test_tables(table):
    name = table.circuit
    with style():
        assert overlaps(draw_table(table)) == []
        assert overlaps(draw_difference(table, ideal_twin(table), (name, "ideal twin"))) == []


def test_chips():
    chip = load_chip("digits")
    layer, table = chip.layers[0], load_circuit("charge_share")
    with style():
        assert overlaps(draw_neuron(of_layer(layer, chip.formats), deviation(layer, chip.formats, table))) == []
        assert overlaps(draw_weights(chip)) == []


def test_a_layer_is_drawn_in_the_volts_of_its_table():
    chip, table = load_chip("digits"), load_circuit("charge_share")
    drawn = of_layer(chip.layers[0], chip.formats)
    before, drive = np.meshgrid(drawn.v, drawn.u, indexing="ij")
    wanted = table.step(before, drive, np.zeros(before.shape, bool))
    assert np.abs(drawn.surfaces[0] - wanted).max() < 1e-4


def test_the_jump_is_drawn_where_it_is():
    """Every point of the plane shows the outcome that it has, none a mixture."""
    table, jump = small_table(jump=0.03), 0.03
    drawn, plain = of_table(table), of_table(small_table())
    for b in (0, 1):
        silent, firing = drawn.maps(b)
        assert (silent.mask != firing.mask).all() and 0.1 < firing.mask.mean() < 0.9
        (smooth,) = plain.maps(b)
        shown = np.where(silent.mask, firing.data, silent.data)
        assert shown == pytest.approx(smooth.data + jump * silent.mask, abs=1e-12)


def test_differences_are_counted_from_each_rest():
    table = small_table()
    moved = replace(table, v=table.v + 0.1, v_rest=table.v_rest + 0.1, surfaces=table.surfaces + 0.103)
    v, u = common_axes(table, moved)
    assert (v[0], u[-1]) == pytest.approx((table.v[0] - table.v_rest, table.u[-1]))
    assert membrane_difference(table, moved) == pytest.approx(np.full((2, len(v), len(u)), 0.003))
