"""Results and counters as bytes, as `docs/protocol.md` lays them out."""

from amaranth import Cat, Const, Value
from amaranth.lib import data

from captwin.hw.link.protocol import Part


def packed(source: data.View, parts: list[Part]) -> Value:
    """The fields of ``source`` that ``parts`` name, each number filled up to its bytes with zeros, or its sign."""
    numbers: list[Value] = []
    for part in parts:
        field = source[part.name]
        values = list(field) if isinstance(field, data.View) else [field]
        numbers += [Cat(value, _rest(value, 8 * part.width - len(value))) for value in values]
    return Cat(numbers)


def _rest(value: Value, bits: int) -> Value:
    return value[-1].replicate(bits) if value.shape().signed else Const(0, bits)
