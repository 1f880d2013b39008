"""A layer in which every clock cycle is one time step: adder trees, drives, neurons that are look-ups."""

from collections.abc import Collection
from typing import Any

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from captwin.hw import chip
from captwin.hw.gates.neuron import neuron_word
from captwin.hw.gates.real_time.direct import direct_layer
from captwin.hw.gates.real_time.reorder import to_images, to_loop
from captwin.hw.gates.real_time.schedule import SHORTEST_LOOP, Schedule
from captwin.hw.gates.real_time.trees import column_sums, latency
from captwin.hw.gates.stores import Contents
from captwin.hw.gates.streams import COPY, Landing, Pipeline, reset_by_register


def control_of(steps: int, *, first: bool) -> data.StructLayout:
    """What goes with the spikes of a time step: whether they are ``valid``, and whether it is an image's ``first``, in
    the order of images, or which ``step`` it is, in the order of the loop."""
    return data.StructLayout({"valid": 1, **({"first": 1} if first else {"step": range(max(steps, 2))})})


class RealTimeLayer(wiring.Component):
    """One layer. Each cycle it takes the spikes of a time step and gives those of a later one.

    The first layer takes them in the order of images and gives them in the order of the loop
    (:class:`Schedule`), the others take and give the latter.

    Throughput: a time step a cycle; it never waits. Latency: :attr:`latency` cycles.

    Parameters
    ----------
    layer, formats : the layer of the chip, and the chip's number formats
    where : the layer's name in messages
    schedule : the order of time steps
    first : whether it is the first layer
    shows : what the results hold besides spikes (:func:`neuron_word`)
    room : images whose results wait for whoever takes them, at most; 0 if there are no results to be taken

    Attributes
    ----------
    spikes : in. Of the rows.
    control : :func:`control_of`, in. What goes with them.
    fires : out. The spikes of the neurons.
    membranes : out. Their membranes, codes.
    after : :func:`control_of`, out. What goes with both.
    results : stream of :func:`neuron_word`, out, with ``room`` only. All neurons a beat, image by image.
    entering : in. Whether a time step of an image enters the first layer, whichever layer this is.
    roomy : out. Whether the results of one more image find room.
    taken : out, of the first layer only. Rows that spiked in a time step.
    fired : out. Neurons that fired in a time step.
    saturated : out. Drives that were clamped in a time step.
    reset : a signal, not a port. As in :class:`Core`.
    direct : the layer as a :class:`DirectLayer`.
    GROUP, UNCOUNTED : class attributes. Neurons that have a copy of the control registers together; and cycles from the
        decision that an image begins until its first time step is counted, at most.
    """

    GROUP = 16
    UNCOUNTED = 8

    def __init__(
        self,
        layer: chip.Layer,
        formats: chip.Formats,
        *,
        where: str,
        schedule: Schedule,
        first: bool,
        shows: Collection[str] = (),
        room: int = 0,
    ) -> None:
        self.reset = Signal()
        self.layer = layer
        self.formats = formats
        self.schedule = schedule
        self.first = first
        self.shows = shows
        self.room = room
        self.direct = direct_layer(layer, formats, where)
        self.contents: list[Contents] = []  #: nothing: no store is written
        self.sum_shape = signed(formats.accumulator_bits(layer.rows))
        rows, columns = layer.charges.shape
        self.word = neuron_word(formats, columns, self.sum_shape, shows)
        super().__init__(
            {
                "spikes": In(rows),
                "control": In(control_of(schedule.steps, first=first)),
                "fires": Out(columns),
                "membranes": Out(data.ArrayLayout(formats.membrane_bits, columns)),
                "after": Out(control_of(schedule.steps, first=False)),
                "results": Out(stream.Signature(self.word)),
                "entering": In(1),
                "roomy": Out(1, init=1),
                "fired": Out(range(columns + 1)),
                "saturated": Out(range(columns + 1)),
            }
            | ({"taken": Out(range(rows + 1))} if first else {})
        )

    @property
    def latency(self) -> int:
        """Cycles from the first time step of an image to its spikes."""
        return latency(self.direct.weights) + (4 if self.first else 2) + SHORTEST_LOOP - 1

    def elaborate(self, platform: object) -> Module:
        m, inner = Module(), Module()
        self._build(inner)
        m.submodules.layer = reset_by_register(m, "layer", inner, self.reset)
        return m

    def _build(self, m: Module) -> None:
        control = Pipeline(m, resets=True)
        for name in self.control.shape().members:
            control[name, 0] = self.control[name]
        totals, stage = column_sums(m, "column", self.spikes, self.direct.weights, self.direct.offsets.tolist())
        drives, clamped = self._drives(m, totals)
        stage += 1
        self._count(m, "saturated", clamped, control, stage)
        if self.first:
            self._count(m, "taken", self.spikes, control, 0)
            drives, control = to_loop(m, "drives", self.schedule, control, stage, drives)
            stage = 1
        pipe = Pipeline(m)
        pipe["drives", stage] = drives
        stage += 1
        self._neurons(m, self._of_columns(pipe["drives", stage]), control, stage)
        stage += SHORTEST_LOOP - 1
        for name in self.after.shape().members:
            m.d.comb += self.after[name].eq(control[name, stage])
        self._count(m, "fired", self.fires, control, stage)
        if self.room:
            self._offer(m, self._of_columns(pipe["drives", stage]), control, stage)

    @property
    def drive(self) -> data.StructLayout:
        """The layout of a drive: whole ``steps``; whether it was ``above`` them, so that it is the greatest drive code;
        and the ``sum`` that it came from. The latter two are there only if they are needed."""
        above = {"above": 1} if self.room or not self.direct.alike else {}
        return data.StructLayout(
            {"steps": self.direct.drive_bits} | above | ({"sum": self.sum_shape} if self.room else {})
        )

    def _of_columns(self, bits: Value) -> Any:
        """``bits`` as the drives of all columns."""
        return data.View(data.ArrayLayout(self.drive, self.layer.columns), bits)

    def _drives(self, m: Module, totals: list[Signal]) -> tuple[Value, Value]:
        """Registers for the columns' drives, and whether each was clamped, at either end."""
        direct, top = self.direct, (1 << self.direct.drive_bits) - 1
        drives, clamped = [], []
        for number, total in enumerate(totals):
            drive = Signal(self.drive, name=f"drive{number}", reset_less=True)
            outside = Signal(name=f"clamped{number}", reset_less=True)
            below, above = total < 0, total > top
            m.d.sync += [drive.steps.eq(Mux(below, 0, Mux(above, top, total))), outside.eq(below | above)]
            if "above" in self.drive.members:
                m.d.sync += drive.above.eq(above)
            if "sum" in self.drive.members:
                shift = int(direct.factors[number]).bit_length() - 1
                m.d.sync += drive.sum.eq((total - int(direct.offsets[number])) >> shift)
            drives.append(Value.cast(drive))
            clamped.append(outside)
        return Cat(drives), Cat(clamped)

    def _neurons(self, m: Module, drives: Any, control: Pipeline, stage: int) -> None:
        """The neurons, two of which share a memory with the table: their drives are there in ``stage``."""
        direct, columns = self.direct, self.layer.columns
        words = direct.words()
        fires, membranes = [], []
        table: Any = None
        for number in range(columns):
            if number % self.GROUP == 0:
                fresh = Signal(name=f"fresh{number // self.GROUP}", attrs=COPY)
                m.d.sync += fresh.eq(control["step", stage - 2] == 0)
            if number % 2 == 0:
                table = memory.Memory(shape=unsigned(direct.word_bits), depth=len(words), init=words)
                m.submodules[f"table{number // 2}"] = table
            spike, membrane = self._neuron(m, number, drives[number], table.read_port(), fresh)
            fires.append(spike)
            membranes.append(membrane << self.formats.membrane_fraction)
        m.d.comb += self.fires.eq(Cat(fires))
        for element, membrane in zip(self.membranes, membranes, strict=True):
            m.d.comb += element.eq(membrane)

    def _neuron(self, m: Module, number: int, drive: Any, table: Any, fresh: Signal) -> tuple[Value, Value]:
        """One neuron. Returns its spike and membrane, SHORTEST_LOOP - 1 cycles after its drive."""
        direct = self.direct
        loop = Pipeline(m, f"neuron{number}_")
        state = Signal(
            data.StructLayout({"membrane": direct.membrane_bits, "spike": 1}), name=f"state{number}", reset_less=True
        )
        m.d.comb += table.addr.eq(Cat(drive.steps, state.membrane, state.spike))
        if direct.alike:
            loop.register("word", 2, table.data)
            membrane, spike = loop["word", 2][: direct.membrane_bits], loop["word", 2][direct.membrane_bits]
        else:
            spike = self._own_threshold(m, number, drive, state)
            loop.register("word", 2, table.data)
            word = loop["word", 2]
            membrane = word[: direct.membrane_bits]
            if self.layer.by_outcome:
                membrane = Mux(spike, word[direct.membrane_bits :], membrane)
        loop["new", 2] = Cat(membrane, spike)
        m.d.sync += Value.cast(state).eq(Mux(fresh, direct.rest, loop["new", self.schedule.loop - 1]))
        return spike, membrane

    def _own_threshold(self, m: Module, number: int, drive: Any, state: Any) -> Value:
        """Whether a neuron fires whose threshold is its own, 2 cycles after its drive and its ``state``."""
        limits = [int(limit) for limit in self.direct.limits[number].ravel()]
        made = memory.Memory(shape=unsigned(self.direct.drive_bits + 1), depth=len(limits), init=limits)
        m.submodules[f"limits{number}"] = made
        port = made.read_port()
        steps = Signal(self.direct.drive_bits + 1, name=f"steps{number}", reset_less=True)
        spike = Signal(name=f"spike{number}", reset_less=True)
        m.d.comb += port.addr.eq(Cat(state.membrane, state.spike))
        m.d.sync += [steps.eq(drive.steps + drive.above), spike.eq(steps >= port.data)]
        return spike

    def _count(self, m: Module, name: str, bits: Value, control: Pipeline, stage: int) -> None:
        """Counts how many of ``bits`` are high in the valid time step of ``stage``, into the port ``name``."""
        (total,), cycles = column_sums(m, name, bits, np.ones((len(bits), 1), np.int64), [0])
        m.d.sync += getattr(self, name).eq(Mux(control["valid", stage + cycles], total, 0))

    def _offer(self, m: Module, drives: Any, control: Pipeline, stage: int) -> None:
        """Puts the results into the order of images, and lets them wait for whoever takes them."""
        made = Signal(self.word, name="made")
        m.d.comb += [made.spikes.eq(self.fires), made.last.eq(1)]
        for number, drive in enumerate(drives):
            code = drive.steps << self.direct.step_bits
            m.d.comb += [
                made.membranes[number].eq(self.membranes[number]),
                made.drives[number].eq(Mux(drive.above, self.formats.drive_max, code)),
                made.sums[number].eq(drive.sum),
            ]
        ordered, valid = to_images(m, "results", self.schedule, control, stage, made)
        steps = self.schedule.steps
        depth = self.room * steps
        landing = Landing(m, self.results, depth, entering=self.entering, arriving=valid)
        m.d.comb += Value.cast(landing.beat).eq(ordered)
        # One more image needs room, and those that begin before they are counted.
        m.d.sync += self.roomy.eq(landing.taken <= depth - 2 * steps - self.UNCOUNTED)
