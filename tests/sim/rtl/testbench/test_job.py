"""What the simulation and its testbench tell each other comes through the files as it was."""

from pathlib import Path

import numpy as np

from captwin.sim.rtl.scoreboard import Divergence
from captwin.sim.rtl.testbench.job import Job, Outcome, Stalls
from tests.support.chips import random_chip, random_pixels


def test_job(tmp_path: Path) -> None:
    chip = random_chip(1, sizes=(9, 6))
    job = Job(chip, random_pixels(1, chip, 2), tmp_path / "core.json", Stalls(0.25, 7))
    job.write(tmp_path)
    read = Job.read(tmp_path)
    assert read.chip.build_id == chip.build_id and np.array_equal(read.images, job.images)
    assert (read.sidecar, read.stalls) == (job.sidecar, Stalls(0.25, 7))


def test_outcome(tmp_path: Path) -> None:
    assert Outcome.read(tmp_path) is None
    Outcome(stopped="a reason").write(tmp_path)
    assert Outcome.read(tmp_path) == Outcome(stopped="a reason")
    first = Divergence(1, 2, 0, 3, "sum", 4, 5, 6)
    outcome = Outcome(None, True, {"sums": 3}, 1, first, [1, 2], [30, 40], [7, 8], 50, {"cycles": 51})
    outcome.write(tmp_path)
    assert Outcome.read(tmp_path) == outcome
