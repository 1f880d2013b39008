"""What the ECP5's synthesis must leave as it is."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from captwin.boards.catalogue import find_board
from captwin.boards.sizing.gate_count import count
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.neuron import STATE
from captwin.hw.gates.response import PARAMETERS
from captwin.hw.gates.streams import COPY
from tests.support.chips import random_chip
from tests.system.netlists.stages import cells, synthesise


class Copies(wiring.Component):
    """Four registers of equal contents."""

    def __init__(self, attrs: dict[str, int]) -> None:
        self.attrs = attrs
        super().__init__({"i": In(1), "o": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for n in range(4):
            copy = Signal(name=f"copy{n}", reset_less=True, attrs=self.attrs)
            m.d.sync += copy.eq(self.i)
            m.d.comb += self.o[n].eq(copy)
        return m


@pytest.mark.parametrize(("attrs", "registers"), [(COPY, 4), ({}, 1)])
def test_copies_of_a_register_stay_apart(attrs: dict[str, int], registers: int, tmp_path: Path) -> None:
    synthesise(Copies(attrs), find_board("ulx3s-85f").family, tmp_path)
    assert cells(tmp_path)["TRELLIS_FF"] == registers


def test_a_faster_clock_is_asked_for() -> None:
    board = find_board("ulx3s-85f")
    tightened = board.family.tightened('FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;\nBLOCK ASYNCPATHS;\n')
    assert tightened == 'FREQUENCY PORT "clk25_0__io" 25500000.0 HZ;\nBLOCK ASYNCPATHS;\n'


@pytest.mark.parametrize("loadable", [False, True])
def test_memories_that_synthesis_keeps_out_of_block_ram(loadable: bool) -> None:
    """Synthesis finds them by their names, as the estimate of the area does: each lane's states and parameters."""
    family = find_board("ulx3s-85f").family
    patterns = re.findall(r"\*/m:([^\s;]+)", family.synthesis("top"))
    names = {store.name for store in count(Core(random_chip(1), CoreOptions(lanes=2, loadable=loadable))).stores}
    found = {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}
    expected = {f"{name}{lane}" for lane in range(2) for name in (STATE, f"{'loaded_' * loadable}{PARAMETERS}")}
    assert found == expected
    assert found == {name for name in names if name.rstrip("0123456789") in family.fabric.soft_memories}
