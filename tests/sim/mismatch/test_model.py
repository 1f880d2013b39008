"""Models of mismatch: their file, what is drawn from them, and which one belongs to a chip."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.support.errors import CaptwinError
from captwin.sim.mismatch.model import NUMBERS, Mismatch
from captwin.sim.mismatch.model_file import model_of
from captwin.sim.neurons.circuits import circuit_names
from tests.support.mismatch import drawn_mismatch

numbers = st.floats(-10, 10, allow_nan=False)
rows = st.lists(st.tuples(*[numbers] * len(NUMBERS)), min_size=10, max_size=20)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
shares = st.floats(0, 1)


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        Mismatch,
        circuit=st.just("mine"),
        pdk=st.sampled_from(["gf180mcu", "sky130"]),
        temperature=st.floats(-200, 300),
        seed=st.integers(0, 2**63 - 1),
        source_sha256=digests,
        cards_sha256=digests,
        lost=st.integers(0, 1000),
        thresholds_kept=shares,
        membranes_rms=shares,
        membranes_kept=shares,
        neurons=rows.map(tuple),
    )
)
def test_a_file_holds_the_model(tmp_path_factory: pytest.TempPathFactory, model: Mismatch) -> None:
    path = tmp_path_factory.mktemp("model") / "model.json"
    model.save(path)
    assert Mismatch.load(path) == model and Mismatch.load(path).sha256 == model.sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "captwin-neuron-table"}, "format: expected 'captwin-mismatch'"),
        ({"version": 2}, "version: this captwin reads version 1, the file has 2"),
        ({"version": True}, "version: this captwin reads version 1, the file has True"),
        ({"lost": -1}, "lost: Input should be greater than or equal to 0"),
        ({"circuit": "\x1b[2J"}, "circuit: should be a plain name"),
        ({"neurons": [[0.0] * len(NUMBERS)]}, "neurons: Tuple should have at least 10 items"),
        ({"neurons": [[0.0]] * 12}, "neurons.0: Tuple should have at least 7 items"),
        ({"extra": 1}, "extra: Unexpected keyword argument"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "model.json"
    whole = {"format": "captwin-mismatch", "version": 1, **asdict(drawn_mismatch("mine"))}
    path.write_text(json.dumps(whole | change))
    with pytest.raises(CaptwinError) as caught:
        Mismatch.load(path)
    assert str(caught.value).startswith(f"{path}: {message}") and str(caught.value).isprintable()


def test_neurons_are_drawn_as_measured() -> None:
    model = drawn_mismatch("mine", neurons=30)
    drawn = model.draw(40_000, np.random.default_rng(3))
    deviation = np.sqrt(np.diag(model.covariance))
    assert np.abs(drawn.mean(axis=0) - model.mean).max() < 0.03 * deviation.max()
    assert np.abs(np.cov(drawn.T) - model.covariance).max() < 0.03 * np.square(deviation).max()
    thresholds = model.draw_thresholds(40_000, np.random.default_rng(3))
    np.testing.assert_array_equal(thresholds, drawn[:, list(NUMBERS).index("threshold")])


def test_a_chip_gets_the_model_of_its_circuit(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    drawn_mismatch("mine").save(path)
    assert model_of(Mismatch, "mine", str(path)) == drawn_mismatch("mine")
    for circuit, process, message in [
        ("yours", str(path), f"{path}: holds the mismatch of mine, not of yours; name another file"),
        ("mine", "tsmc18", "--process: no PDK and no file 'tsmc18'; PDKs are gf180mcu"),
        ("charge_share", "gf180mcu", "--process: no mismatch is known of the chip's circuit, charge_share; it is of"),
        (
            "gf180_charge_share",
            "sky130",
            "--process: the chip's circuit, gf180_charge_share, is made in gf180mcu, not in sky130",
        ),
    ]:
        with pytest.raises(CaptwinError) as caught:
            model_of(Mismatch, circuit, process)
        assert str(caught.value).startswith(message)


def test_models_are_of_circuits() -> None:
    assert set(Mismatch.models.names()) <= set(circuit_names()) and Mismatch.models.names()
    for name in Mismatch.models.names():
        model = model_of(Mismatch, name, "gf180mcu")
        assert model.circuit == name and len(model.neurons) + model.lost >= 50
