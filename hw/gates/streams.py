"""Payloads of the streams between the blocks, and what blocks are made of: forks, pipelines, resets by register."""

from typing import Any

from amaranth import Module, ResetInserter, Signal, Value
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

#: attributes of a register that has the same contents as others: synthesis must not merge them, since one register for
#: all of them would be far from where it is needed
COPY = {"keep": 1}


def spike_word(width: int) -> data.StructLayout:
    """``width`` neighbouring neurons of one time step, the first in the lowest bit of ``spikes``; ``last`` marks the
    step's final word, in which bits beyond the last neuron are 0."""
    return data.StructLayout({"spikes": width, "last": 1})


def change_word(width: int) -> data.StructLayout:
    """A :func:`spike_word` with two more fields: a bit of ``changed`` is set where the spike differs from that of the
    time step before; ``end`` marks the final word of an image's last step."""
    return data.StructLayout({"spikes": width, "changed": width, "last": 1, "end": 1})


def event(rows: int, *, changes: bool = False) -> data.StructLayout:
    """One beat of an event stream: row ``row`` spiked if ``active``; the time step ends with this beat if ``last``.

    With ``changes`` the row's spike has changed if ``active``: it is there no more if ``off``. With the beat that is
    ``last`` in its step the image ends too if ``end``; in other beats ``end`` means nothing.
    """
    return data.StructLayout(
        {"row": range(max(rows, 2)), "active": 1, "last": 1} | ({"off": 1, "end": 1} if changes else {})
    )


class Fork(wiring.Component):
    """Copies each beat of a stream to several streams, each of which may take it at its own time.

    Throughput: a beat a cycle. Latency: 0 cycles; a beat leaves the input once every copy has been taken.

    Parameters
    ----------
    shape : of the payload
    copies : number of streams out

    Attributes
    ----------
    i : stream of ``shape``, in.
    o : ``copies`` streams of ``shape``, out.
    """

    def __init__(self, shape: Any, copies: int) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)).array(copies)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal(len(self.o))
        done = Signal(len(self.o))
        for n, copy in enumerate(self.o):
            m.d.comb += [
                copy.payload.eq(self.i.payload),
                copy.valid.eq(self.i.valid & ~taken[n]),
                done[n].eq(taken[n] | copy.ready),
            ]
        m.d.comb += self.i.ready.eq(done.all())
        with m.If(self.i.valid):
            m.d.sync += taken.eq(done)
            with m.If(self.i.ready):
                m.d.sync += taken.eq(0)
        return m


class Pipeline:
    """Named values that move one stage a cycle: define one at a stage, read it at any later stage.

    ``pipe["u", 4] = expression`` says that the expression holds ``u`` in stage 4; ``pipe["u", 7]`` is the same
    value three cycles later. Delay registers are made on demand and shared. They are reset only if ``resets``: a reset
    that reaches every register of a core is its slowest net.
    """

    def __init__(self, m: Module, prefix: str = "", *, resets: bool = False) -> None:
        self._m = m
        self._prefix = prefix
        self._resets = resets
        self._values: dict[tuple[str, int], Any] = {}

    def __setitem__(self, key: tuple[str, int], value: Any) -> None:
        self._values[key] = value

    def __getitem__(self, key: tuple[str, int]) -> Any:
        name, stage = key
        if key not in self._values:
            self.register(name, stage, self[name, stage - 1])
        return self._values[key]

    def register(self, name: str, stage: int, value: Any) -> None:
        """Defines ``name`` at ``stage`` as ``value``, which holds one stage earlier, registered."""
        if stage < 0:
            raise KeyError(f"{name} is read before the stage that defines it")
        signal = Signal.like(value, name=f"{self._prefix}{name}_{stage}", init=0, reset_less=not self._resets)
        self._m.d.sync += signal.eq(value)
        self._values[name, stage] = signal


class Held(Pipeline):
    """A pipeline for one value at a time, whose inputs do not change until the value is through.

    A later stage then reads what an earlier stage has, without delay registers between.
    """

    def __getitem__(self, key: tuple[str, int]) -> Any:
        name, stage = key
        while (name, stage) not in self._values:
            if stage < 0:
                raise KeyError(f"{name} is read before the stage that defines it")
            stage -= 1
        return self._values[name, stage]


class Landing:
    """The queue at the end of a pipeline that cannot stall: a beat reserves its place as it enters the pipeline.

    Throughput: a beat a cycle. Latency: 2 cycles from ``arriving`` to the beat on ``out``.

    Parameters
    ----------
    out : the stream by which beats leave
    depth : places in the queue
    entering : high in each cycle in which a beat enters the pipeline; only while ``taken`` is below ``depth``
    arriving : high in each cycle in which a beat is in ``beat``

    Attributes
    ----------
    beat : a view of ``out``'s payload, to be driven by the pipeline's last stage.
    taken : places that are taken or reserved, 0 to ``depth``.
    """

    def __init__(self, m: Module, out: Any, depth: int, *, entering: Value, arriving: Value) -> None:
        shape = out.payload.shape()
        m.submodules.landing = queue = fifo.SyncFIFOBuffered(width=data.Layout.cast(shape).size, depth=depth)
        self.beat = data.View(shape, queue.w_data)
        self.taken = Signal(range(depth + 1))
        m.d.comb += [
            queue.w_en.eq(arriving),
            queue.r_en.eq(out.ready),
            out.valid.eq(queue.r_rdy),
            Value.cast(out.payload).eq(queue.r_data),
        ]
        m.d.sync += self.taken.eq(self.taken + entering - (out.valid & out.ready))


def reset_by_register(m: Module, name: str, part: Any, reset: Value) -> Any:
    """``part``, reset a cycle after ``reset`` by a register of its own in ``m``.

    No net then leads from the reset to all parts, and each part may lie anywhere on the device.
    """
    copy = Signal(name=f"reset_{name}", reset_less=True, attrs=COPY)
    m.d.sync += copy.eq(reset)
    return ResetInserter(copy)(part)
