"""``captwin verify``: what it prints, and that a divergence or a mistake ends in one line."""

import json
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.export.sidecar import describe
from captwin.hw.gates.core import Core, CoreOptions
from captwin.sim.rtl.scoreboard import Divergence
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.twin import Twin
from captwin.sim.rtl.verify import Verification
from captwin.train.zoo import load_chip


def test_verify(captwin):
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    status, out, err = captwin("verify", "digits-small", "--row-banks", "2,1", "--lanes", "8,1", "--json")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0 and result["first_divergence"] is None
    assert result["images"] == 360 and result["numbers_compared"] == 360 * 8 * 30 * 4
    assert result["rtl_accuracy"] >= 0.95 and "360/360" in err
    assert result["latency_cycles"]["min"] <= result["latency_cycles"]["median"] <= result["latency_cycles"]["max"]
    assert result["interval_cycles"]["min"] <= result["interval_cycles"]["mean"] <= result["interval_cycles"]["max"]
    assert result["bank_use"] == pytest.approx([result["events_per_cycle"][0] / 2, result["events_per_cycle"][1]])
    assert 0 < result["bank_use"][0] <= 1 and result["options"]["row_banks"] == [2, 1]
    assert result["arrivals_per_s"] is None
    packed = result["latency_cycles"]["max"]
    arguments = ("verify", "digits-small", "--row-banks", "2,1", "--lanes", "8,1", "--rate", "100000", "--json")
    status, out, _ = captwin(*arguments)
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0 and result["arrivals_per_s"] == 100_000
    assert result["interval_cycles"]["mean"] == pytest.approx(100e6 / 100_000, rel=0.01)
    assert result["latency_cycles"]["max"] < packed


def test_divergence_is_told_and_fails(captwin, monkeypatch):
    core = Core(load_chip("digits"), CoreOptions(trace=True))
    sidecar = describe(core, core, "captwin_core")
    outcome = Verification(
        images=1,
        labels=np.array([0]),
        compared={"sums": 1},
        mismatches=1,
        first_divergence=Divergence(3, 2, 1, 7, "membrane", 100, 101, 4711),
        latency_cycles=np.array([5]),
        interval_cycles=np.array([], int),
        total_cycles=5,
        counters={},
        events_per_cycle=[0.5, 0.5],
        run_seconds=1.0,
    )
    monkeypatch.setattr("captwin.scripts.verbs.gates.verify.build", lambda *_: Twin(Path("twin"), sidecar, True, 0.1))
    monkeypatch.setattr("captwin.scripts.verbs.gates.verify.run", lambda *_, **__: outcome)
    status, out, err = captwin("verify", "digits", "--first", "20", "--images", "1")
    assert status == 1 and "first divergence" in out
    assert "image 23, step 2, layer 1, neuron 7: membrane expected 100, got 101 (clock cycle 4711)" in err
    assert "captwin simulate digits --first 23 --images 1 --waves --pixel-lanes 8 --row-banks 1,1 --lanes 4,4" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--images", "1000"), "digits has 360 test images, not 1000"),
        (("digits", "--first", "360"), "digits has 360 test images, not 361"),
        (("digits", "--lanes", "3"), "lanes: must be a power of two"),
        (("digits", "--row-banks", "1,1,1"), "the chip has 2 layers, not 3"),
        (("digits", "--data", "faces"), "no data set is called 'faces'"),
        (("nothing",), "nothing: no such chip file"),
    ],
)
def test_mistakes(captwin, arguments, message):
    status, out, err = captwin("verify", *arguments)
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err
