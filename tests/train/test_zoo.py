import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import energy, golden
from captwin.sim.neurons.circuits import load_circuit, on_circuit
from captwin.train.config import load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import CHIP_FOLDER, chip_data, load_chip, names

#: least accuracy on the test set, and most energy of an inference, J: 33.88 nJ is that of Oshio et al. 2022
PROMISES = {
    "digits": (0.95, 33.88e-9),
    "digits-gf180": (0.97, 33.88e-9),
    "digits-realtime": (0.96, 33.88e-9),
    "digits-small": (0.95, 33.88e-9),
    "digits-tiny": (0.93, 33.88e-9),
    "mnist": (0.99, 33.88e-9),
    "mnist-lowenergy": (0.975, 2e-9),
    "mnist-realtime": (0.975, 33.88e-9),
    "mnist-small": (0.981, 33.88e-9),
}


def test_names():
    assert names() == list(PROMISES)


@pytest.mark.parametrize("name", names())
def test_shipped_chip_is_of_its_configuration_and_of_the_circuit_of_today(name):
    chip = load_chip(name)
    assert chip.provenance["config"] == load_config(name).model_dump(mode="json")
    table = load_circuit(chip.analog.circuit)
    assert chip.analog.table_sha256 == table.circuit_sha256
    today = on_circuit(chip, table)
    assert today.build_id == chip.build_id
    for layer, now in zip(chip.layers, today.layers, strict=True):
        assert (layer.energy == now.energy).all()


@pytest.mark.parametrize("name", names())
def test_shipped_chip_keeps_its_promises(name, request):
    least, most = PROMISES[name]
    chip = load_chip(name)
    dataset = request.getfixturevalue("mnist") if chip_data(chip) == "mnist" else load_dataset("digits")
    accuracy = golden.run(chip, dataset.test_images).accuracy(dataset.test_labels)
    assert accuracy == chip.provenance["accuracy"]["test"] >= least
    some = np.random.default_rng(1).permutation(len(dataset.test_images))[:500]
    assert energy.measure(chip, dataset.test_images[some]).total.max() < most


def test_path_and_unknown_name():
    assert load_chip(CHIP_FOLDER / "digits.safetensors").build_id == load_chip("digits").build_id
    with pytest.raises(
        CaptwinError,
        match="nothing: no such chip file; the chips with a name are digits, digits-gf180, digits-realtime",
    ):
        load_chip("nothing")
