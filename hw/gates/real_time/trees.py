"""Adder trees whose weights are constants: the sums of many columns at once, pipelined.

Bits of equal weight are added three by three, each three giving a bit of the same weight and one of twice that (carry
save), until two of each weight are left. A constant is joined to these, and they are added. A negative weight adds the
inverted bit, and the constant makes up for it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from amaranth import Cat, Const, Module, Signal, Value, signed

from captwin.hw.gates.streams import COPY

Item = TypeVar("Item")
#: levels of adders between two registers
LEVELS = 2
#: columns that one register of a row serves
GROUP = 32
#: bits of the signals that neighbouring adders have together
_BUNDLE = 32


class _Wire:
    """A bit in the trees, known by its identity; its value is set later."""

    value: Any


#: a bit, and whether its inverse is meant
_Literal = tuple[_Wire, bool]
#: of a column: the bits by the power of two that they count
_Heap = dict[int, list[_Literal]]


def column_sums(
    m: Module, name: str, rows: Value, weights: np.ndarray, constants: Sequence[int]
) -> tuple[list[Signal], int]:
    """Adds trees to ``m``: for each column the sum of the weights of all ``rows`` that are high, and its constant.

    ``weights`` is (rows, columns); ``name`` begins the names of signals. Each GROUP of columns has registers of
    ``rows`` of its own, since those that make the rows are far away, and one register would not reach all columns in
    time. Equal groups of rows in several columns of those are added once. Returns the signed sums, none of which can
    overflow, and :func:`latency`.
    """
    levels = _levels(weights)
    sums: list[Signal] = []
    for start in range(0, weights.shape[1], GROUP):
        part, prefix = slice(start, start + GROUP), f"{name}from{start}_"
        copy = Signal(len(rows), name=f"{prefix}rows", reset_less=True, attrs=COPY)
        m.d.sync += copy.eq(rows)
        sums += _column_sums(m, prefix, copy, weights[:, part], constants[part], levels)
    return sums, latency(weights)


def _column_sums(
    m: Module, name: str, rows: Value, weights: np.ndarray, constants: Sequence[int], levels: int
) -> list[Signal]:
    """The sums of columns that have the same registers of ``rows``, by so many ``levels`` of adders."""
    wires = [_Wire() for _ in range(len(rows))]
    for number, wire in enumerate(wires):
        wire.value = rows[number]
    heaps = [_heap(wires, column) for column in weights.T]
    for level in range(1, levels + 1):
        heaps = _added(m, f"{name}level{level}_", heaps)
        if level % LEVELS == 0:
            heaps = _registered(m, f"{name}stage{level}_", heaps)
    sums = []
    for number, (heap, column, constant) in enumerate(zip(heaps, weights.T, constants, strict=True)):
        least, most = (int(constant) + int(part.sum()) for part in (column.clip(max=0), column.clip(min=0)))
        width = max(most.bit_length(), (~least if least < 0 else least).bit_length()) + 1
        inverted = -sum(1 << power for weight in column if weight < 0 for power in _powers(int(weight)))
        sums.append(_finished(m, f"{name}{number}_", heap, int(constant) + inverted, width))
    return sums


def latency(weights: np.ndarray) -> int:
    """Cycles from rows to the sums of :func:`column_sums`."""
    return _levels(weights) // LEVELS + 3


def _levels(weights: np.ndarray) -> int:
    """Levels of adders until no column has more than two bits of a power."""
    powers = range(int(np.abs(weights).max(initial=0)).bit_length())
    bits = np.array([(np.abs(weights) >> power & 1).sum(axis=0) for power in powers], np.int64)
    levels = 0
    while bits.max(initial=0) > 2:
        adders = bits // 3
        bits = np.pad(bits - 2 * adders, ((0, 1), (0, 0)))
        bits[1:] += adders
        levels += 1
    return levels


def _powers(weight: int) -> list[int]:
    """The powers of two that make up the magnitude of ``weight``."""
    return [power for power in range(abs(weight).bit_length()) if abs(weight) >> power & 1]


def _heap(wires: Sequence[_Wire], column: np.ndarray) -> _Heap:
    """The bits of a column. Groups of three rows that other columns may have too come first, so that they are added
    together."""
    heap: _Heap = {}
    rest: _Heap = {}
    for group in _bundles(range(len(wires)), 3):
        members: _Heap = {}
        for row in group:
            weight = int(column[row])
            for power in _powers(weight):
                members.setdefault(power, []).append((wires[row], weight < 0))
        for power, bits in members.items():
            (heap if len(bits) == 3 else rest).setdefault(power, []).extend(bits)
    for power, bits in rest.items():
        heap.setdefault(power, []).extend(bits)
    return heap


def _added(m: Module, name: str, heaps: list[_Heap]) -> list[_Heap]:
    """One level of adders: of each three bits of a column's power a sum and a carry; the others pass."""
    adders: dict[tuple[_Literal, ...], tuple[_Wire, _Wire]] = {}
    after = []
    for heap in heaps:
        grown: _Heap = {}
        for power in sorted(heap):
            bits = heap[power]
            whole = len(bits) // 3 * 3
            for three in _bundles(bits[:whole], 3):
                inverted = three[0][1]  # an adder of inverted bits gives the inverted sum and carry
                key = tuple((wire, flag != inverted) for wire, flag in three)
                total, carry = adders.setdefault(key, (_Wire(), _Wire()))
                grown.setdefault(power, []).append((total, inverted))
                grown.setdefault(power + 1, []).append((carry, inverted))
            grown.setdefault(power, []).extend(bits[whole:])
        after.append(grown)
    for number, bundle in enumerate(_bundles(adders.items(), _BUNDLE)):
        a, b, c = (Cat(_value(key[place]) for key, _ in bundle) for place in range(3))
        totals = Signal(len(bundle), name=f"{name}_sum{number}")
        carries = Signal(len(bundle), name=f"{name}_carry{number}")
        m.d.comb += [totals.eq(a ^ b ^ c), carries.eq((a & b) | (c & (a | b)))]
        for place, (_, (total, carry)) in enumerate(bundle):
            total.value, carry.value = totals[place], carries[place]
    return after


def _registered(m: Module, name: str, heaps: list[_Heap]) -> list[_Heap]:
    """The same bits a cycle later; a bit that several columns have gets one register."""
    later: dict[_Wire, _Wire] = {}
    for heap in heaps:
        for bits in heap.values():
            for wire, _ in bits:
                later.setdefault(wire, _Wire())
    for number, bundle in enumerate(_bundles(later.items(), _BUNDLE)):
        register = Signal(len(bundle), name=f"{name}_{number}", reset_less=True)
        m.d.sync += register.eq(Cat(before.value for before, _ in bundle))
        for place, (_, after) in enumerate(bundle):
            after.value = register[place]
    return [{power: [(later[wire], flag) for wire, flag in bits] for power, bits in heap.items()} for heap in heaps]


def _finished(m: Module, name: str, heap: _Heap, constant: int, width: int) -> Signal:
    """The sum of up to two bits of each power and of ``constant``, in two cycles."""
    first: list[Any] = [0] * (width + 1)
    second: list[Any] = [0] * (width + 1)
    for power in range(width):
        bits = [_value(literal) for literal in heap.get(power, [])]
        one = constant >> power & 1
        if len(bits) == 2:
            x, y = bits
            first[power], second[power + 1] = (~(x ^ y), x | y) if one else (x ^ y, x & y)
        elif bits:
            first[power], second[power + 1] = (~bits[0], bits[0]) if one else (bits[0], 0)
        else:
            first[power] = one
    halves = []
    for number, row in enumerate((first, second)):
        half = Signal(width, name=f"{name}half{number}", reset_less=True)
        m.d.sync += half.eq(Cat(bit if isinstance(bit, Value) else Const(bit, 1) for bit in row[:width]))
        halves.append(half)
    total = Signal(signed(width), name=f"{name}sum", reset_less=True)
    m.d.sync += total.eq(halves[0] + halves[1])
    return total


def _bundles(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """``items`` in order, ``size`` at a time; the last ones may be fewer."""
    left = iter(items)
    while bundle := tuple(islice(left, size)):
        yield bundle


def _value(literal: _Literal) -> Value:
    wire, inverted = literal
    return Value.cast(~wire.value if inverted else wire.value)
