"""Whether a request may write where it wants to."""

from collections.abc import Sequence
from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory

from captwin.hw.chip import STEP_BITS
from captwin.hw.gates.stores import BYTE, Contents
from captwin.hw.link.protocol import ABOUT, Status

#: how the names of stores of settings end; their words begin with the number of the last time step
SETTINGS = "settings"
#: the settings that are written first; all others must have the same number of time steps
FIRST_SETTINGS = "encoder.settings"


class Judge:
    """Part of :class:`Loading`, whose ``ports`` are used: a state machine that decides about a request.

    * ``number``: number of the store among all.
    * ``end``: address behind the last word of the request.
    * ``follows``: whether the words are those due; :class:`Loading` drives it.
    * ``fills``: whether they are the last of their store.
    """

    def __init__(self, m: Module, stores: Sequence[Contents], ports: Any) -> None:
        self._m, self._stores, self._ports = m, stores, ports
        count = len(stores)
        depth = max(len(entry.words) for entry in stores)
        store = self._memory(depth)
        port = store.read_port()
        self._store = port.data
        self.number, self._exists = Signal(range(max(count, 2)), reset_less=True), Signal(name="exists")
        addresses = 1 << depth.bit_length()  # no store has so many words
        self.end = Signal(range(addresses + (1 << len(ports.length))), name="end")
        self._rest, self._left = Signal.like(ports.length), Signal(BYTE, name="left")
        self._inside, self._whole, self._sound = Signal(), Signal(), Signal(name="sound")
        self.follows, self.fills = Signal(), Signal(name="fills")
        m.d.comb += port.addr.eq(self.number)
        where = ports.where
        m.d.sync += [
            self.number.eq(Mux(where.store == ABOUT, count - 1, where.store)),
            self._exists.eq(((where.store == ABOUT) | (where.store < count - 1)) & (where.address < addresses)),
        ]
        self._states()

    def _memory(self, depth: int) -> memory.Memory:
        """What every store is: bytes of a word, words, and whether they are settings."""
        widths = [entry.word_bytes for entry in self._stores]
        row = data.StructLayout({"bytes": range(max(widths) + 1), "words": range(depth + 1), "settings": 1})
        self._m.submodules.stores = store = memory.Memory(
            shape=row,
            depth=len(self._stores),
            init=[
                {"bytes": width, "words": len(entry.words), "settings": entry.name.endswith(SETTINGS)}
                for width, entry in zip(widths, self._stores, strict=True)
            ],
        )
        return store

    def _states(self) -> None:
        m, ports, where, store = self._m, self._ports, self._ports.where, self._store
        end, rest, left = self.end, self._rest, self._left
        first_settings = [entry.name for entry in self._stores].index(FIRST_SETTINGS)
        most = self._stores[first_settings].words[0] & ((1 << STEP_BITS) - 1)  # the core's own last time step
        last_step = Signal(STEP_BITS, init=most, reset_less=True)  # that of the latest first settings
        with m.FSM():
            with m.State("idle"), m.If(ports.judge):
                m.d.sync += [rest.eq(ports.length), left.eq(where.bytes), end.eq(where.address)]
                m.next = "count"
            with m.State("count"):  # the words, a byte a cycle
                m.d.sync += [rest.eq(rest - 1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.d.sync += [left.eq(where.bytes), end.eq(end + 1)]
                with m.If(rest == 1):
                    m.next = "compare"
            with m.State("compare"):
                m.next = "decide"
                m.d.sync += [
                    self._inside.eq(self._exists & (where.bytes == store.bytes) & (end <= store.words)),
                    self._whole.eq(left == where.bytes),
                    self.fills.eq(end == store.words),
                    self._sound.eq(
                        ~store.settings
                        | ((ports.first <= most) & ((self.number == first_settings) | (ports.first == last_step)))
                    ),
                ]
            self._decide_state()
        with m.If(ports.begin & (self.number == first_settings)):
            m.d.sync += last_step.eq(ports.first)

    def _decide_state(self) -> None:
        m, ports = self._m, self._ports
        with m.State("decide"):
            m.d.comb += ports.decided.eq(1)
            with m.If(~self._inside):  # first: with another width than the store's, nobody knows what a whole word is
                m.d.comb += ports.status.eq(Status.NO_STORE)
            with m.Elif(~self._whole):
                m.d.comb += ports.status.eq(Status.WRONG_LENGTH)
            with m.Elif(~self._sound):
                m.d.comb += ports.status.eq(Status.OUT_OF_RANGE)
            m.next = "idle"
