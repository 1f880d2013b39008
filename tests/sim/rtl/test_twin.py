"""The compiled core: random chips equal the golden model, and what differs is found where it is."""

import random
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.encoders import make_encoder
from captwin.hw.export.sidecar import Sidecar
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.cache_folder import VARIABLE
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.rtl.block_scoreboard import BlockScoreboard
from captwin.sim.rtl.scoreboard import TRACED, Divergence
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.twin import Twin, build, layout_header
from captwin.sim.rtl.verify import PARTS, verify
from tests.support.chips import SMALL, random_chip, random_pixels
from tests.support.proofs import proof
from tests.support.real_time import real_time_chip

IMAGES = 7

pytestmark = pytest.mark.skipif(bool(missing_tools("verilator")), reason="verilator or what it needs is not installed")


def random_options(seed: int, layers: int) -> CoreOptions:
    choice = random.Random(seed)
    return CoreOptions(
        pixel_lanes=choice.choice([1, 2, 4, 8, 16]),
        row_banks=tuple(choice.choice([1, 2, 4]) for _ in range(layers)),
        lanes=tuple(choice.choice([1, 2, 4, 8]) for _ in range(layers)),
    )


#: seed, sizes and readout; small, since each is compiled
CHIPS = [
    (400, (6, 5, 3), "most_spikes"),
    proof(401, (9, 2, 3, 4), "first_spike"),
    proof(402, (17, 33), "most_spikes"),
]


@pytest.mark.parametrize(("seed", "sizes", "readout"), CHIPS)
def test_random_chips(seed: int, sizes: tuple[int, ...], readout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captwin.sim.rtl.verify.CHUNK", 2)  # several blocks a program, the last not full
    chip = random_chip(seed, sizes=sizes, readout=readout)
    options = random_options(seed, len(chip.layers))
    print(f"seed {seed}: {chip.sizes} {chip.formats} {chip.encoder} {chip.readout} {options}")
    pixels = random_pixels(seed, chip, IMAGES)
    compared: list[int] = []
    outcome = verify(build(chip, options), chip, pixels, lambda what, done, total: compared.append(done))
    assert outcome.first_divergence is None, f"seed {seed}: {outcome.first_divergence}"
    assert outcome.mismatches == 0 and max(compared) == outcome.images == IMAGES
    assert outcome.compared == dict.fromkeys(TRACED, IMAGES * chip.encoder.steps * sum(chip.sizes[1:]))
    assert (outcome.labels == golden.run(chip, pixels).labels).all()
    assert len(outcome.latency_cycles) == IMAGES and len(outcome.interval_cycles) == IMAGES - PARTS
    assert outcome.latency_cycles.min() > 0 and outcome.interval_cycles.min() > 0
    assert outcome.events_per_cycle[0] * outcome.total_cycles == pytest.approx(outcome.counters["events[0]"])


@pytest.fixture(scope="module")
def small() -> tuple[Chip, Twin, np.ndarray]:
    """A chip of two layers, compiled, and images."""
    chip = random_chip(410, sizes=(12, 9, 5), kind="rate", readout="most_spikes")
    return chip, build(chip, CoreOptions(lanes=2)), random_pixels(410, chip, IMAGES)


def first_difference(got: golden.Inference, expected: golden.Inference) -> tuple[int, int, int, int, str, int, int]:
    """Found the slow way: images, then steps, layers, neurons, signals."""
    images, steps, _ = got.traces[0].spikes.shape
    for image in range(images):
        for step in range(steps):
            for layer, (ours, theirs) in enumerate(zip(got.traces, expected.traces, strict=True)):
                for neuron in range(ours.spikes.shape[2]):
                    for name in TRACED:
                        have, want = (getattr(trace, name)[image, step, neuron] for trace in (ours, theirs))
                        if have != want:
                            return image, step, layer, neuron, name.removesuffix("s"), int(want), int(have)
    raise AssertionError("nothing differs")


@pytest.mark.parametrize(("layer", "row", "column"), [(0, 3, 8), (1, 8, 4)])
def test_another_charge_is_located(small: tuple[Chip, Twin, np.ndarray], layer: int, row: int, column: int) -> None:
    chip, twin, pixels = small
    assert golden.run(chip, pixels, trace=True).traces[0].spikes[..., 8].any()  # row 8 of the second layer matters
    charges = chip.layers[layer].charges.copy()
    charges[row, column] ^= 1
    other = replace(
        chip,
        layers=tuple(replace(entry, charges=charges) if n == layer else entry for n, entry in enumerate(chip.layers)),
    )
    outcome = verify(twin, other, pixels)
    first = outcome.first_divergence
    assert first and outcome.mismatches > 1 and first.cycle > 0
    place = first_difference(golden.run(chip, pixels, trace=True), golden.run(other, pixels, trace=True))
    assert (first.image, first.step, first.layer, first.neuron, first.signal, first.expected, first.got) == place
    image, step, _, neuron, _, expected, got = place
    line = (
        f"image {image}, step {step}, layer {layer}, neuron {neuron}: sum expected {expected}, got {got} (clock cycle"
    )
    assert str(first).startswith(line)


def in_place_of(twin: Twin, folder: Path, command: str) -> Twin:
    """``twin`` with a shell command as its program."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    return replace(twin, program=program)


def spoilt(twin: Twin, folder: Path, offset: int) -> Twin:
    """``twin`` with the lowest bit of byte ``offset`` of what it writes flipped."""
    (folder / "spoil.py").write_text(
        f"import sys\ndata = bytearray(sys.stdin.buffer.read())\ndata[{offset}] ^= 1\nsys.stdout.buffer.write(data)\n"
    )
    return in_place_of(twin, folder, f'{twin.program} "$@" | {sys.executable} -I {folder}/spoil.py')


def test_each_number_is_compared(small: tuple[Chip, Twin, np.ndarray], tmp_path: Path) -> None:
    chip, twin, pixels = small
    pixels, steps = pixels[:1], chip.encoder.steps
    # Layer 0 has 9 neurons in 5 words of 2; the block begins with its number of images.
    numbers, words = steps * 9, steps * 5
    sums = 8
    drives, membranes, spikes = sums + 4 * numbers, sums + 6 * numbers, sums + 8 * numbers
    last = sums + 9 * numbers
    results = last + 5 * words + steps * (9 * 5 + 5 * 3)
    after = results + 4 * (5 + 2 * 5) + 8
    expected = {
        sums + 4 * (9 + 2): (1, 0, 2, "sum"),
        drives + 2 * 8: (0, 0, 8, "drive"),
        membranes: (0, 0, 0, "membrane"),
        spikes + 9 * (steps - 1) + 1: (steps - 1, 0, 1, "spike"),
        last + 4: (0, 0, None, "last"),
        results: (None, None, None, "label"),
        results + 4: (None, None, None, "steps"),
        results + 8: (None, None, None, "cycles"),
        results + 20 + 4 * 3: (None, None, 3, "result counts"),
        results + 40 + 4 * 4: (None, None, 4, "result membranes"),
        after: (steps, 0, None, "words too many"),
        after + 8 * 2: (None, None, None, "results too many"),
        after + 8 * 6: (None, None, None, "counter events[0]"),
        after + 8 * 12: (None, None, None, "build_id"),
    }
    for offset, place in expected.items():
        outcome = verify(spoilt(twin, tmp_path, offset), chip, pixels)
        first = outcome.first_divergence
        assert first and outcome.mismatches == 1, f"byte {offset}: {outcome}"
        assert (first.step, first.layer, first.neuron, first.signal) == place
        assert first.image == 0 and first.got == first.expected ^ 1


def test_hang_is_told(small: tuple[Chip, Twin, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    chip, twin, pixels = small
    monkeypatch.setattr("captwin.sim.rtl.scoreboard.PATIENCE", 4)  # less than the way from pixels to sums
    with pytest.raises(CaptwinError, match=r"^compiled core: the gates sent nothing more after cycle \d+") as error:
        verify(twin, chip, pixels)
    assert "\n" not in str(error.value)


def test_early_end_is_told(small: tuple[Chip, Twin, np.ndarray], tmp_path: Path) -> None:
    chip, twin, pixels = small
    with pytest.raises(CaptwinError, match=r"^compiled core: it stopped early, with exit status 7"):
        verify(in_place_of(twin, tmp_path, "exit 7"), chip, pixels)


def test_images_that_arrive_at_a_rate(small: tuple[Chip, Twin, np.ndarray]) -> None:
    chip, twin, pixels = small
    packed = verify(twin, chip, pixels)
    alone = np.concatenate([verify(twin, chip, pixels[[image]]).latency_cycles for image in range(IMAGES)])
    interval = int(alone.max()) + 10  # no image meets the one before
    spaced = verify(twin, chip, pixels, interval=interval)
    assert spaced.mismatches == 0 and packed.latency_cycles.max() > alone.max()
    assert spaced.latency_cycles.tolist() == alone.tolist()
    shares = np.array_split(alone, PARTS)
    assert spaced.interval_cycles.tolist() == np.concatenate([interval + np.diff(share) for share in shares]).tolist()


def test_built_once(small: tuple[Chip, Twin, np.ndarray]) -> None:
    chip, twin, _ = small
    again = build(chip, CoreOptions(lanes=2))
    assert again.cached and again.program == twin.program


def test_failed_and_interrupted_builds_leave_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "captwin"))
    driver = tmp_path / "driver.cpp"
    driver.write_text('#include "layout.h"\nint main() { return nonsense; }\n')
    monkeypatch.setattr("captwin.sim.rtl.twin.DRIVER", driver)
    chip = random_chip(411, sizes=(3, 2), formats=SMALL)
    with pytest.raises(CaptwinError, match=r"^g\+\+ failed \(.*error: .*\); see that `captwin doctor`") as error:
        build(chip)
    assert "\n" not in str(error.value)
    assert not [path for path in (tmp_path / "captwin").rglob("*") if not path.match("captwin/compiled")]

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("captwin.sim.rtl.program._compile", stop)
    with pytest.raises(KeyboardInterrupt):
        build(chip)
    assert not list((tmp_path / "captwin/compiled").iterdir())


def test_wrong_images(small: tuple[Chip, Twin, np.ndarray]) -> None:
    chip, twin, pixels = small
    with pytest.raises(CaptwinError, match=re.escape("this chip takes 3 x 4 = 12 pixels")):
        verify(twin, chip, pixels[:, :-1])


def test_first_is_the_earliest_image(small: tuple[Chip, Twin, np.ndarray]) -> None:
    chip, twin, _ = small
    score = BlockScoreboard(twin, chip, first=0)
    late, early = Divergence(3, 0, 0, 0, "sum", 0, 1, 5), Divergence(3, None, None, None, "label", 0, 1, 5)
    score.note(early, 0)
    score.note(late, 0)
    assert min(score.divergences)[1] is late


def test_words_of_many_neurons() -> None:
    """All of a real-time layer's spikes come in one word, here more than a register of the driver holds."""
    chip = real_time_chip(1, sizes=(5, 70, 3), encoder=make_encoder(steps=3), knots=(2, 2))
    pixels = random_pixels(1, chip, 30)
    outcome = verify(build(chip, CoreOptions(2, 1, 1, real_time=True)), chip, pixels)
    assert outcome.mismatches == 0 and sum(outcome.compared.values()) == 30 * 3 * 73 * 4


def test_numbers_that_the_driver_cannot_read(small: tuple[Chip, Twin, np.ndarray]) -> None:
    _, twin, _ = small

    def changed(name: str, width: int) -> Sidecar:
        ports = [
            port.model_copy(
                update={
                    "width": 4096,
                    "fields": [
                        field.model_copy(update={"width": width}) if field.name == name else field
                        for field in port.fields
                    ],
                }
            )
            for port in twin.sidecar.ports
        ]
        return twin.sidecar.model_copy(update={"ports": ports})

    with pytest.raises(CaptwinError, match=r"sums\[0\] has 65 bits, a number has 64 at most"):
        layout_header(changed("sums[0]", 65))
    with pytest.raises(CaptwinError, match=r"trace0__payload has 99 spikes, a word of \d+ neurons"):
        layout_header(changed("spikes", 99))
