import pytest

from hw.errors import CaptwinError
from sim import golden
from sim.analog.circuits import load_circuit
from sim.analog.quantise import quantise
from train.data import load_dataset
from train.zoo import CHIP_FOLDER, load_chip, names


def test_names():
    assert names() == ["digits", "mnist"]


@pytest.mark.parametrize("name", names())
def test_shipped_chip_is_small_and_of_the_circuit_of_today(name):
    assert (CHIP_FOLDER / f"{name}.safetensors").stat().st_size < 1.4e6
    chip = load_chip(name)
    neuron = quantise(load_circuit("charge_share"), chip.formats)
    for layer in chip.layers:
        assert (layer.surfaces == neuron.surfaces).all() and (layer.thresholds == neuron.thresholds).all()


@pytest.mark.parametrize(("name", "least"), [("digits", 0.95), ("mnist", 0.975)])
def test_accuracy_is_the_stated_one(name, least, request):
    chip = load_chip(name)
    dataset = request.getfixturevalue("mnist") if name == "mnist" else load_dataset(name)
    accuracy = golden.run(chip, dataset.test_images).accuracy(dataset.test_labels)
    assert accuracy == chip.provenance["accuracy"]["test"] >= least


def test_path_and_unknown_name():
    assert load_chip(CHIP_FOLDER / "digits.safetensors").build_id == load_chip("digits").build_id
    with pytest.raises(CaptwinError, match="nothing: no such chip file; the chips with a name are digits, mnist"):
        load_chip("nothing")
