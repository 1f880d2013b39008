"""nextpnr's report, read."""

import pytest

from boards.timing import read_timing
from hw.errors import CaptwinError


def report(constraint: float, achieved: float) -> dict:
    hops = [
        {"type": "clk-to-q", "delay": 0.5, "from": {"cell": "a"}, "to": {"cell": "a"}},
        {"type": "routing", "delay": 2.0, "from": {"cell": "a"}, "to": {"cell": "lut"}},
        {"type": "logic", "delay": 0.25, "from": {"cell": "lut"}, "to": {"cell": "lut"}},
        {"type": "routing", "delay": 1.0, "from": {"cell": "lut"}, "to": {"cell": "b"}},
        {"type": "setup", "delay": 0.0, "from": {"cell": "b"}, "to": {"cell": "b"}},
    ]
    other = {"from": "<async>", "to": "posedge clk", "path": hops[:1]}
    return {
        "fmax": {
            "pin": {"achieved": 900.0, "constraint": 25.0},
            "clk": {"achieved": achieved, "constraint": constraint},
        },
        "critical_paths": [other, {"from": "posedge clk", "to": "posedge clk", "path": hops}],
    }


def test_the_constrained_clock_counts() -> None:
    timing = read_timing(report(100.0, 101.5), 100e6)
    assert timing.met and timing.reached_hz == 101.5e6
    assert str(timing.critical_path) == "slowest path from a to b: 0.8 ns logic, 3.0 ns routing"


def test_missed() -> None:
    assert not read_timing(report(100.0, 99.9), 100e6).met


def test_a_clock_without_constraint_is_no_pass() -> None:
    with pytest.raises(CaptwinError, match=r"no clock of 100 MHz \(it knows pin at 25 MHz, clk at 12 MHz\)"):
        read_timing(report(12.0, 500.0), 100e6)
