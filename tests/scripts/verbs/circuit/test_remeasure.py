"""``captwin remeasure`` tells whether ngspice still says what a table does."""

import json
from dataclasses import replace

import pytest

from captwin.sim.spice.benches.bench import NETLISTS, open_bench
from captwin.sim.spice.characterize import characterize
from tests.support.needs import needs_ngspice


@needs_ngspice
def test_a_reference_circuit(captwin):
    status, out, _ = captwin("remeasure", "pass_transistor", "--points", "2", "--json")
    result = json.loads(out)
    assert status == 0 and set(result) == {"circuit", "tt_27"}
    measured = result["tt_27"]
    assert measured["equal"] and measured["same_source"] and measured["cycles"] == 8 and measured["wrong_spikes"] == 0
    assert measured["membrane_v"] < 20e-6 and measured["energy_share"] < 0.01


@needs_ngspice
def test_a_table_of_ones_own_that_was_altered(captwin, tmp_path):
    table = characterize(open_bench("charge_share"), 3, date="2026-01-31")
    replace(table, circuit="mine", energy=1.1 * table.energy).save(tmp_path / "mine.json")
    arguments = ("remeasure", "mine", "--netlist", str(NETLISTS / "charge_share.cir"), "--points", "2")
    status, out, err = captwin(*arguments)
    assert status == 1 and "DIFFERS: 8 cycles" in out and "energy by" in out
    assert err.splitlines()[-1] == (
        "captwin: mine: ngspice differs from the table at tt, 27 deg C; captwin characterize makes it anew"
    )
    assert captwin(*arguments, "--energy", "0.2")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "circuit: no table file 'nothing'"),
        (("charge_share", "--corner", "ss"), "charge_share: no table for ss, 27 deg C"),
        (("charge_share", "--points", "1"), "Invalid value for '--points'"),
        (("charge_share", "--netlist", "none.cir"), "none.cir"),
    ],
)
def test_mistakes(captwin, arguments, message):
    status, out, err = captwin("remeasure", *arguments)
    assert status != 0 and not out and message in " ".join(err.split())
