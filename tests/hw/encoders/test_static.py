"""The encoder `static`, from its settings to the gates of a whole core that its threshold is loaded into."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.boards.host.loading import contents
from captwin.hw.chip import Chip
from captwin.hw.encoders.static import Static
from captwin.hw.gates.core import Core
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.options import CoreOptions
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.twin import build
from captwin.sim.rtl.verify import verify
from captwin.train.config import ConfigError, load_config
from tests.boards.host.test_loading import room_of
from tests.hw.gates.cores.test_stores import loaded_answers
from tests.hw.gates.driver import exchange, number
from tests.support.chips import random_chip, random_pixels


@settings(max_examples=25, deadline=None)
@given(
    threshold=st.integers(1, 255),
    steps=st.integers(1, 5),
    image=st.lists(st.integers(0, 255), min_size=1, max_size=20),
    lanes=st.sampled_from([1, 4, 32]),
    stall=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 1 << 32),
)
def test_gates_numpy_and_torch_are_the_comparison(
    threshold: int, steps: int, image: list[int], lanes: int, stall: float, seed: int
) -> None:
    image += [threshold, threshold - 1]  # the edge itself
    encoder = Static(steps=steps, threshold=threshold)
    expected = [[pixel >= threshold for pixel in image]] * steps
    assert encode(encoder, np.array(image, np.uint8)).tolist() == expected
    assert encode(encoder, torch.tensor(image, dtype=torch.uint8)).tolist() == expected

    block = SpikeEncoder(encoder, len(image), lanes)
    starts = range(0, len(image), lanes)
    beats = [sum(pixel << 8 * n for n, pixel in enumerate(image[start : start + lanes])) for start in starts]
    outputs = {block.spikes: number(steps * len(starts))}
    (received,) = exchange(block, {block.pixels: beats}, outputs, stall=stall, seed=seed)
    shape = block.spikes.payload.shape()
    words = [shape.from_bits(word) for word in received]
    assert [word.last for word in words] == [start == starts[-1] for _ in range(steps) for start in starts]
    for step, spikes in enumerate(expected):
        bits = sum(words[step * len(starts) + n].spikes << start for n, start in enumerate(starts))
        assert [bool(bits >> n & 1) for n in range(len(starts) * lanes)][: len(image)] == spikes
        assert not bits >> len(image)  # padding never spikes


def test_its_file_holds_no_settings_of_other_kinds(tmp_path: Path) -> None:
    chip = replace(random_chip(1, sizes=(4, 2)), encoder=Static(steps=3, threshold=7))
    chip.save(tmp_path / "chip.safetensors")
    back = Chip.load(tmp_path / "chip.safetensors")
    assert asdict(back.encoder) == {"kind": "static", "steps": 3, "threshold": 7}
    assert back.build_id == chip.build_id != replace(chip, encoder=Static(steps=3, threshold=8)).build_id


def test_training_refuses_other_kinds_settings() -> None:
    config = load_config("digits", encoder={"kind": "static", "threshold": 100})
    assert config.encoder == Static(steps=8, threshold=100)
    with pytest.raises(ConfigError, match=r"encoder.phase: unknown field; known are kind, steps, threshold"):
        load_config("digits", encoder={"kind": "static", "phase": 3})
    with pytest.raises(ConfigError, match=r"encoder.threshold: Input should be greater than or equal to 1, got 0"):
        load_config("digits", encoder={"kind": "static", "threshold": 0})


@pytest.mark.proof
@pytest.mark.parametrize(
    "options",
    [CoreOptions(2, 2, 2, loadable=True), CoreOptions(2, 1, 1, loadable=True, serial=True)],
    ids=["parallel", "serial"],
)
def test_a_core_takes_another_threshold(options: CoreOptions) -> None:
    chip = replace(random_chip(5, sizes=(7, 5, 4), kind="static"), encoder=Static(steps=4, threshold=200))
    other = replace(chip, encoder=Static(steps=4, threshold=40))
    images = np.full((1, 7), 100, np.uint8)  # black for the one, white for the other
    images = np.concatenate([images, random_pixels(5, chip, 2)])
    assert (encode(chip.encoder, images) != encode(other.encoder, images)).any()
    expected = golden.run(other, images)
    answers = loaded_answers(Core(chip, options), contents(other, room_of(chip, options)), images, seed=5)
    for n, (label, steps, counts, membranes) in enumerate(answers):
        assert (label, steps) == (expected.labels[n], expected.steps[n])
        assert counts == expected.counts[n].tolist() and membranes == expected.membranes[n].tolist()


@pytest.mark.skipif(bool(missing_tools("verilator")), reason="verilator or what it needs is not installed")
def test_verilog_is_the_golden_model_at_the_edge_of_the_threshold() -> None:
    chip = replace(random_chip(6, sizes=(8, 5, 3)), encoder=Static(steps=3, threshold=90))
    pixels = np.random.default_rng(6).integers(88, 93, (6, 8)).astype(np.uint8)
    outcome = verify(build(chip, CoreOptions(4, 2, 2, trace=True)), chip, pixels)
    assert outcome.first_divergence is None and outcome.mismatches == 0
    assert outcome.counters["events[0]"] == 3 * int((pixels >= 90).sum()) > 0
