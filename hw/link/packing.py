"""Packing results and counters into bytes in the order of `docs/protocol.md`."""

from amaranth import Cat, Const, Value
from amaranth.lib import data

from captwin.hw.link.protocol import Part


def packed(source: data.View, parts: list[Part]) -> Value:
    """The fields of ``source`` that ``parts`` name, in that order, each extended to its bytes by zeros or its sign."""
    numbers: list[Value] = []
    for part in parts:
        field = source[part.name]
        values = list(field) if isinstance(field, data.View) else [field]
        numbers += [Cat(value, _rest(value, 8 * part.width - len(value))) for value in values]
    return Cat(numbers)


def _rest(value: Value, bits: int) -> Value:
    return value[-1].replicate(bits) if value.shape().signed else Const(0, bits)
