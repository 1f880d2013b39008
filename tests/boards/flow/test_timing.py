"""nextpnr's report, read."""

import pytest

from captwin.boards.flow.timing import Hop, read_path, read_timing, source_name
from captwin.hw.support.errors import CaptwinError


def report(constraint: float, achieved: float) -> dict:
    hops = [
        {"type": "clk-to-q", "delay": 0.5, "from": {"cell": "a"}, "to": {"cell": "a", "loc": [1, 2]}},
        {"type": "routing", "delay": 2.0, "from": {"cell": "a"}, "to": {"cell": "lut"}},
        {"type": "logic", "delay": 0.25, "from": {"cell": "lut"}, "to": {"cell": "lut", "loc": [3, 4]}},
        {"type": "routing", "delay": 1.0, "from": {"cell": "lut"}, "to": {"cell": "b"}},
        {"type": "setup", "delay": 0.0, "from": {"cell": "b"}, "to": {"cell": "b", "loc": [5, 6]}},
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


def test_hops() -> None:
    made = report(100.0, 101.5)
    assert read_path(made, 100e6) == (
        Hop("a", "clk-to-q", 1, (1, 2), 0.0, 0.5),
        Hop("lut", "logic", 1, (3, 4), 2.0, 0.25),
        Hop("b", "setup", 1, (5, 6), 1.0, 0.0),
    )
    path = made["critical_paths"][1]["path"]
    carry = {"type": "logic", "delay": 0.125, "from": path[2]["to"], "to": path[2]["to"]}
    path[3:3] = [{**carry, "type": "routing", "delay": 0}, carry, carry]
    assert read_path(made, 100e6)[1] == Hop("lut", "logic", 3, (3, 4), 2.0, 0.5)


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("core.layer0.crossbar.port__addr_SB_DFFSR_Q_5_DFFLC", "core.layer0.crossbar.port__addr"),
        ("core.layer1.neurons.lane0_climb_12_DFF_Q_2_D_ALU_SUM_I0_LUT4_F", "core.layer1.neurons.lane0_climb_12"),
        (
            "core.layer0.neurons.lane2_row01__5_TRELLIS_FF_Q_DI_CCU2C_S0$CCU2_COMB0",
            "core.layer0.neurons.lane2_row01__5",
        ),
        ("core.layer0.neurons.surface00.0.0", "core.layer0.neurons.surface00.0.0"),
        ("led0.o$1_SB_DFFSR_Q_DFFLC", "led0.o"),
        ("$PACKER_VCC", "$PACKER_VCC"),
    ],
)
def test_names_of_the_source(cell: str, name: str) -> None:
    assert source_name(cell) == name
