"""PyTorch's eval mode against the golden model: every accumulator, drive, membrane and spike."""

import numpy as np
import pytest
import torch

from captwin.hw.chip import Chip
from captwin.sim import golden
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.model.exact import ExactNetwork
from captwin.train.zoo import load_chip, names
from tests.support.chips import random_chip, random_pixels
from tests.support.proofs import proofs


def assert_same(chip: Chip, pixels: np.ndarray) -> None:
    ours = ExactNetwork(chip)(torch.tensor(pixels), trace=True)
    theirs = golden.run(chip, pixels, trace=True)
    for name in ("labels", "counts", "membranes", "steps"):
        assert np.array_equal(getattr(ours, name).numpy(), getattr(theirs, name)), name
    assert len(ours.traces) == len(theirs.traces) == len(chip.layers)
    for number, (a, b) in enumerate(zip(ours.traces, theirs.traces, strict=True)):
        for name in ("sums", "drives", "membranes", "spikes"):
            assert np.array_equal(getattr(a, name).numpy(), getattr(b, name)), f"layer {number}: {name}"


@pytest.mark.parametrize("seed", range(40))
def test_random_chips(seed):
    chip = random_chip(seed)
    assert_same(chip, random_pixels(seed, chip, 20))


@pytest.mark.parametrize("name", [*(name for name in names() if name != "mnist"), *proofs(["mnist"])])
def test_shipped_chips_on_their_test_images(name, request):
    chip = load_chip(name)
    data = chip.provenance["data"]["name"]
    dataset = request.getfixturevalue("mnist") if data == "mnist" else load_dataset(data)
    for start in range(0, len(dataset.test_images), 1000):
        assert_same(chip, dataset.test_images[start : start + 1000])
