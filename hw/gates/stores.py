"""Stores: memories and registers that are writable at run time, so that one core can be many chips.

What they hold is a list of :class:`Contents`: of a block, then of a core, then as it is sent to a device. A store's
number is its place in the core's list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from amaranth import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import data, memory
from amaranth.lib.wiring import In

from captwin.hw.gates.streams import COPY

BYTE = 8  #: bits
#: bits of a store's number, and of a word's address in it
STORE_BITS = 12
ADDRESS_BITS = 16
#: prefix of the names of memories that are writable
LOADED = "loaded_"


@dataclass(frozen=True)
class Contents:
    """What a memory holds, or a register if there is one word only.

    ``name`` is unique in the block, and with the blocks' names before it in the core; ``words`` are unsigned, of
    ``width`` bits, address 0 first.
    """

    name: str
    width: int
    words: Sequence[int]

    @property
    def word_bytes(self) -> int:
        """Bytes that a word takes on its way to a store."""
        return -(-self.width // BYTE)

    def within(self, block: str) -> "Contents":
        """The same with ``block`` before the name: what holds the block calls it so."""
        return replace(self, name=f"{block}.{self.name}")


@dataclass(frozen=True)
class MemorySize:
    """The size of a memory: ``depth`` words of ``width`` bits."""

    width: int
    depth: int
    reads: int = 1  #: places that are read in one cycle
    block: bool = False  #: whether it asks for block RAM


def load_bus() -> data.StructLayout:
    """How words get into stores: each cycle of ``shift`` shifts a ``byte`` in, a word's lowest byte first; then a cycle
    of ``write`` writes the word to ``address`` of store number ``store``."""
    return data.StructLayout({"shift": 1, "write": 1, "byte": BYTE, "store": STORE_BITS, "address": ADDRESS_BITS})


def load_port(stores_from: int | None) -> dict[str, Any]:
    """The port of a block whose stores are numbered from ``stores_from``; none if that is None."""
    return {} if stores_from is None else {"load": In(load_bus())}


class Stores:
    """The memories and registers of a block: what ``contents`` names, numbered from ``first``.

    With ``bus``, of :func:`load_bus`, they are writable: a word is written 3 cycles after its ``write``, and the memory
    must not be read meanwhile. Without it they are constants.
    """

    def __init__(self, m: Module, contents: Sequence[Contents], bus: Any = None, first: int = 0) -> None:
        self._m = m
        self._numbers = {entry.name: first + number for number, entry in enumerate(contents)}
        self._contents = {entry.name: entry for entry in contents}
        self._bus: Any = None
        if bus is not None:
            self._bus = Signal(load_bus(), reset_less=True, attrs=COPY)
            self._word = Signal(BYTE * max(entry.word_bytes for entry in contents), reset_less=True, attrs=COPY)
            m.d.sync += [self._bus[name].eq(bus[name]) for name in ("shift", "write", "byte", "store")]
            with m.If(bus.write):  # the address stays until the word is written
                m.d.sync += self._bus.address.eq(bus.address)
            with m.If(self._bus.shift):
                m.d.sync += self._word.eq(Cat(self._word[BYTE:], self._bus.byte))

    @classmethod
    def of(cls, m: Module, block: Any, contents: Sequence[Contents], before: int = 0) -> "Stores":
        """The stores of ``block``, which has ``stores_from`` and :func:`load_port`.

        ``contents`` may be a part of the block's; ``before`` is the number of its stores before that part.
        """
        if block.stores_from is None:
            return cls(m, contents)
        return cls(m, contents, block.load, block.stores_from + before)

    def memory(self, name: str, **arguments: Any) -> memory.Memory:
        """The memory ``name`` as a submodule, its words unsigned; ``arguments`` are those of Amaranth's memory."""
        entry = self._contents[name]
        made = memory.Memory(shape=unsigned(entry.width), depth=len(entry.words), init=entry.words, **arguments)
        self._m.submodules[name if self._bus is None else LOADED + name] = made
        if self._bus is not None:
            port = made.write_port()
            self._m.d.comb += [
                port.addr.eq(self._bus.address),
                port.data.eq(self._written(entry)),
                port.en.eq(self._writes(name)),
            ]
        return made

    def register(self, name: str, shape: Any) -> Any:
        """The register ``name``, of the layout ``shape``; a constant without a bus."""
        entry = self._contents[name]
        (word,) = entry.words
        if self._bus is None:
            return data.View(shape, Const(word, entry.width))
        value = Signal(shape, name=name, init=shape.from_bits(word), reset_less=True)
        with self._m.If(self._writes(name)):
            self._m.d.sync += Value.cast(value).eq(self._written(entry))
        return value

    def _writes(self, name: str) -> Value:
        """Whether the word is written to ``name``: a register, since the memory may be far away."""
        writes = Signal(name=f"writes_{name}", reset_less=True, attrs=COPY)
        self._m.d.sync += writes.eq(self._bus.write & (self._bus.store == self._numbers[name]))
        return writes

    def _written(self, entry: Contents) -> Value:
        """The word for ``entry``: its bytes are the highest of all that were shifted in."""
        return self._word[len(self._word) - BYTE * entry.word_bytes :][: entry.width]
