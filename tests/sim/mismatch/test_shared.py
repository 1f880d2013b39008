"""What a chip's neurons share: the file, what is drawn from it, and what it does to a chip."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.mismatch.deviate import deviated_layer, rest_knot
from captwin.sim.mismatch.model_file import model_of
from captwin.sim.mismatch.shared import Deviation, Shared
from captwin.sim.neurons.circuits import circuit_names
from captwin.sim.neurons.quantise import quantise
from captwin.train.zoo import load_chip
from tests.support.circuit_chips import circuit_chip, reference_table
from tests.support.mismatch import drawn_mismatch, drawn_shared


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(0, 12), st.booleans())
def test_a_file_holds_the_model(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sigma: float, modes: int, bias: bool
) -> None:
    model = drawn_shared("mine", seed=seed, sigma=sigma, modes=modes, bias=bias)
    path = tmp_path_factory.mktemp("model") / "model.json"
    model.save(path)
    assert Shared.load(path) == model and Shared.load(path).sha256 == model.sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "captwin-mismatch"}, "format: expected 'captwin-chip-variation'"),
        ({"version": 2}, "version: this captwin reads version 1, the file has 2"),
        ({"x": [0.0, 0.0, 0.1]}, "x should rise"),
        ({"u": [-0.1, 0.0, 0.1]}, "mean and modes of process should be 42 volts each, as the axes say"),
        ({"process": None}, "process: "),
        ({"circuit": "\x1b[2J"}, "circuit: should be a plain name"),
        ({"extra": 1}, "extra: Unexpected keyword argument"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "model.json"
    whole = {"format": "captwin-chip-variation", "version": 1, **asdict(drawn_shared("mine"))}
    path.write_text(json.dumps(whole | change))
    with pytest.raises(CaptwinError) as caught:
        Shared.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and message in text and text.isprintable()


def test_chips_are_drawn_as_measured() -> None:
    model, rng = drawn_shared("mine"), np.random.default_rng(5)
    drawn = [model.draw(rng) for _ in range(4000)]
    flat = np.array([np.concatenate([each.thresholds.ravel(), each.surfaces.ravel()]) for each in drawn])
    mean = sum(np.array(cause.mean) for cause in model.causes.values())
    modes = np.array([mode for cause in model.causes.values() for mode in cause.modes])
    assert len(modes) == 4
    np.testing.assert_allclose(flat.mean(axis=0), mean, atol=2e-3)
    np.testing.assert_allclose(np.cov(flat.T), modes.T @ modes, atol=1e-4)


def test_models_are_of_circuits() -> None:
    assert set(Shared.models.names()) <= set(circuit_names()) and Shared.models.names()
    for name in Shared.models.names():
        model = model_of(Shared, name, "gf180mcu")
        assert len(model.process.chips) >= 50 and min(model.process.thresholds_kept, model.process.surfaces_kept) > 0.97
    with pytest.raises(CaptwinError, match="--shared: no mismatch is known of the chip's circuit, charge_share;"):
        model_of(Shared, "charge_share", "gf180mcu")


def test_a_deviation_is_that_of_the_table() -> None:
    """A chip's tables, deviated, are those of the deviated table in volts, within the rounding of both."""
    chip, table = circuit_chip(3), reference_table()
    layer, formats = chip.layers[0], chip.formats
    x, u = np.array([-0.4, 0.0, 0.4]), np.array([-1.0, 1.0])
    thresholds = np.array([[0.002, 0.004, 0.006], [-0.003, -0.003, -0.003]])
    surfaces = np.broadcast_to(np.array([1e-3, 2e-3, 4e-3])[:, None], (2, 2, 3, 2))
    found = deviated_layer(layer, formats, Deviation(x, u, thresholds, surfaces))
    at = table.v - table.v_rest
    curves = table.thresholds + np.stack([np.interp(at, x, curve) for curve in thresholds])
    change = np.interp(at, x, surfaces[0, 0, :, 0])[:, None]
    wanted = quantise(
        replace(table, surfaces=table.surfaces + change, thresholds=np.clip(curves, *table.u[[0, -1]])), formats
    )
    assert np.abs(found.surfaces.astype(int) - wanted.surfaces.astype(int)).max() <= 2
    silent = layer.thresholds == formats.drive_max + 1
    assert (found.thresholds[silent] == formats.drive_max + 1).all()
    inside = (found.thresholds > 0) & (found.thresholds < formats.drive_max) & ~silent
    assert inside.any() and np.abs(found.thresholds.astype(int) - wanted.thresholds.astype(int))[inside].max() <= 2


def test_all_neurons_of_a_chip_get_one_draw() -> None:
    chip, model = load_chip("digits-tiny"), drawn_shared("charge_share", sigma=0.004)
    drawn = [fabricate(chip, Process(shared=model), seed=1, number=number) for number in (0, 0, 1)]
    assert drawn[0].build_id == drawn[1].build_id != drawn[2].build_id
    layer, before = drawn[0].layers[0], chip.layers[0]
    knot = rest_knot(before, chip.formats)
    assert layer.thresholds[0, knot] != before.thresholds[0, knot] and (layer.surfaces != before.surfaces).mean() > 0.5
    assert (layer.threshold_offsets == before.threshold_offsets).all() and layer.rest == before.rest
    assert drawn[0].provenance["fabricated"]["shared"] == {"pdk": "gf180mcu", "sha256": model.sha256}
    # Neurons are drawn as without it, and nothing else changes.
    mismatch = drawn_mismatch("charge_share", sigma=0.004)
    alone, both = (fabricate(chip, Process(mismatch=mismatch, shared=each), seed=1) for each in (None, model))
    assert (alone.layers[0].threshold_offsets == both.layers[0].threshold_offsets).all()
    assert (alone.layers[0].charges == both.layers[0].charges).all()
    assert (both.layers[0].surfaces == layer.surfaces).all()
    assert "shared" not in alone.provenance["fabricated"]
    assert str(Process(mismatch=mismatch, shared=model)) == "mismatch in gf180mcu, chip to chip in gf180mcu"


def test_a_trim_knows_the_chip_too() -> None:
    """Bias codes change although no neuron deviates on its own: all thresholds are off alike."""
    chip, model = load_chip("digits-tiny"), drawn_shared("charge_share", sigma=0.02)
    plain, trimmed = (fabricate(chip, Process(shared=model, trim=trim), seed=1) for trim in (False, True))
    moved = (trimmed.layers[0].c_bias[0] - trimmed.layers[0].c_bias[1]) - (
        plain.layers[0].c_bias[0] - plain.layers[0].c_bias[1]
    )
    knot = rest_knot(chip.layers[0], chip.formats)
    higher = int(plain.layers[0].thresholds[0, knot]) > int(chip.layers[0].thresholds[0, knot])
    assert (moved > 0).mean() > 0.6 if higher else (moved < 0).mean() > 0.6
