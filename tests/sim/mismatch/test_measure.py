"""What is measured becomes a model, or is told of in one line."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.mismatch import measure
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.mismatch.reduce import Kept
from captwin.sim.neurons.conditions import Conditions
from captwin.sim.spice.benches.bench import Bench


def bench_of(u_min: float) -> Bench:
    facts = {"circuit": "mine", "path": "mine.cir", "models": "gf180mcu", "sha256": "0" * 64}
    return cast(Bench, SimpleNamespace(**facts, conditions=Conditions(), parameters={"u_min": u_min}))


def test_drives_that_are_all_positive_are_refused_before_work_begins() -> None:
    with pytest.raises(CaptwinError, match=r"mine\.cir: u_min: mismatch is measured with drives below 0 V as well"):
        measure.measure_mismatch(bench_of(u_min=0.0), 12, 1)


def test_neurons_that_are_none_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = bench_of(u_min=-0.1)
    for name, value in {
        "sampled_tables": [None] * 12,
        "sampled_table": None,
        "neuron_numbers": np.full(len(NUMBERS), 99.0),
        "kept": Kept(1.0, 0.0, 1.0),
        "place_of": None,
        "cards_digest": "0" * 64,
    }.items():
        monkeypatch.setattr(measure, name, lambda *_, value=value, **__: value)
    with pytest.raises(CaptwinError) as caught:
        measure.measure_mismatch(bench, 12, 1)
    assert str(caught.value) == (
        "mine: its sampled neurons do not spread as neurons do: neurons.0.0: Input should be less than or equal to 10;"
        " look at its netlist"
    )
