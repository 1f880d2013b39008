"""Cycles without simulation, against the compiled Verilog: each image's, not only their mean."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.events import EventSource
from captwin.hw.gates.neuron import Neurons
from captwin.hw.gates.readout import ClassReadout
from captwin.hw.support.errors import CaptwinError
from captwin.sim.cycles.workload import Workload
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.twin import build
from captwin.sim.rtl.verify import PARTS, verify
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip, random_pixels
from tests.support.proofs import proof, proofs
from tests.support.real_time import real_time_chip


def compare(chip: Chip, pixels: np.ndarray, options: CoreOptions) -> None:
    """Every image's latency and every distance of results must be what the Verilog says."""
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    outcome = verify(build(chip, options), chip, pixels)
    latencies, intervals = [], []
    for share in np.array_split(np.arange(len(pixels)), PARTS):  # as the compiled programs share the images
        got = Workload(chip, pixels[share]).cycles(options)
        latencies.append(got.latency)
        intervals.append(got.interval)
    np.testing.assert_array_equal(np.concatenate(latencies), outcome.latency_cycles)
    np.testing.assert_array_equal(np.concatenate(intervals), outcome.interval_cycles)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        proof("digits", CoreOptions(8, 1, 4)),
        proof("digits", CoreOptions(8, (2, 1), (8, 1))),
        proof("digits", CoreOptions(32, (4, 2), (32, 4))),
        proof("digits", CoreOptions(8, 1, 4, change_events=True)),
        proof("digits", CoreOptions(32, (4, 2), (32, 4), change_events=True)),
        proof("digits-small", CoreOptions(32, (4, 1), (8, 1))),
        proof("digits-tiny", CoreOptions(1, 1, 1)),
        ("digits-tiny", CoreOptions(8, 2, 1, change_events=True)),
        proof("digits", CoreOptions(4, 1, 1, serial=True)),
        ("digits-tiny", CoreOptions(32, 1, 1, serial=True)),
    ],
)
def test_digits(name: str, options: CoreOptions) -> None:
    compare(load_chip(name), load_dataset("digits").test_images, options)


@pytest.mark.parametrize(
    ("seed", "kind", "options"),
    [
        # first_spike, four layers, more banks than rows of a word
        proof(0, "latency", CoreOptions(32, (16, 8, 2, 4), (1, 1, 1, 2))),
        # one step an image: many images under way
        proof(2, "latency", CoreOptions(32, (2, 1, 4), (1, 8, 2))),
        proof(2, "latency", CoreOptions(32, (2, 1, 4), (4, 32, 8))),
        proof(5, "bernoulli", CoreOptions(16, 32, 1)),
        proof(0, "latency", CoreOptions(32, (16, 8, 2, 4), (1, 1, 1, 2), change_events=True)),
        proof(2, "latency", CoreOptions(32, (2, 1, 4), (4, 32, 8), change_events=True)),
        proof(5, "bernoulli", CoreOptions(16, 32, 1, change_events=True)),
        # rows and columns of all kinds, one after the other
        proof(0, "latency", CoreOptions(32, 1, 1, serial=True)),
        proof(2, "latency", CoreOptions(1, 1, 1, serial=True)),
        proof(5, "bernoulli", CoreOptions(8, 1, 1, serial=True)),
    ],
)
def test_random_chips(seed: int, kind: str, options: CoreOptions) -> None:
    chip = random_chip(seed, kind=kind)
    compare(chip, random_pixels(seed, chip, 40), options)


@pytest.mark.proof
@pytest.mark.parametrize(("seed", "lanes"), [(0, 1), (1, 16), (2, 4)])
def test_real_time(seed: int, lanes: int) -> None:
    chip = real_time_chip(seed)
    compare(chip, random_pixels(seed, chip, 100), CoreOptions(lanes, 1, 1, real_time=True))


@pytest.mark.parametrize("by_outcome", [proof(False), True])
@pytest.mark.parametrize("options", [CoreOptions(4, 2, (1, 2)), proof(CoreOptions(4, 1, 1, serial=True))])
def test_two_surfaces_and_four(options: CoreOptions, by_outcome: bool) -> None:
    chip = random_chip(13, sizes=(20, 40, 5), by_outcome=by_outcome)
    compare(chip, random_pixels(13, chip, 10), options)


@pytest.mark.parametrize("kind", ["rate", *proofs(kind for kind in ENCODERS if kind != "rate")])
@pytest.mark.parametrize(
    "options", [CoreOptions(8, 2, 4), proof(CoreOptions(8, 1, 1, serial=True))], ids=["parallel", "serial"]
)
def test_every_encoder(kind: str, options: CoreOptions) -> None:
    chip = random_chip(11, sizes=(19, 6, 3), kind=kind)
    compare(chip, random_pixels(11, chip, 40), options)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mnist-small", CoreOptions(32, (4, 1), (8, 1))),
        ("mnist-small", CoreOptions(64, (4, 1), (8, 1))),
        ("mnist-small", CoreOptions(64, (4, 1), (8, 1), change_events=True)),
        ("mnist", CoreOptions(16, (2, 1, 1), (8, 4, 1))),
    ],
)
def test_mnist(name: str, options: CoreOptions, mnist) -> None:
    compare(load_chip(name), mnist.test_images, options)


def test_no_core_is_faster_than_its_busiest_block() -> None:
    load = Workload(load_chip("digits"), load_dataset("digits").test_images)
    for options in (CoreOptions(8, 1, 4), CoreOptions(1, 2, 8), CoreOptions(64, 8, 64), CoreOptions(64, 1, 1)):
        busy = load.busy(options)
        # The first images find an empty core, the last leave one.
        assert max(busy.values()) <= 1.02 * load.cycles(options).per_image, (options, busy)


@pytest.mark.parametrize(
    ("block", "name"),
    [(EventSource, "LATENCY"), (Neurons, "latency"), (ClassReadout, "LATENCY"), (Core, "LATENCY")],
)
def test_latencies_are_the_blocks_own(block: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Workload(load_chip("digits"), load_dataset("digits").test_images[:20])
    before = load.cycles(CoreOptions()).latency
    own = getattr(block, name)
    monkeypatch.setattr(block, name, (lambda layer: own(layer) + 1) if callable(own) else own + 1)
    assert (load.cycles(CoreOptions()).latency > before).all()


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    chip, pixels = load_chip("digits-small"), load_dataset("digits").test_images[:50]
    whole = Workload(chip, pixels)
    monkeypatch.setattr("captwin.sim.cycles.workload.BATCH", 7)
    parts = Workload(chip, pixels)
    options = replace(CoreOptions(), lanes=2)
    np.testing.assert_array_equal(whole.cycles(options).latency, parts.cycles(options).latency)
    assert whole.events() == parts.events()


def test_images_of_another_size() -> None:
    with pytest.raises(CaptwinError, match="this chip takes"):
        Workload(load_chip("digits"), np.zeros((2, 9), np.uint8))
