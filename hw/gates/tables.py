"""The neuron's tables in memory: thresholds over v, membranes over v and u, each for b = 0 and b = 1.

v and u are the codes of membrane and drive, b is whether the neuron spiked in the step before, and s whether it spikes
in this one, as in `docs/arithmetic.md`.
"""

from collections.abc import Sequence

import numpy as np
from amaranth import Cat, Module, Mux, Value
from amaranth.lib import memory

from captwin.hw.chip import Formats, Layer
from captwin.hw.gates.stores import Contents, MemorySize, Stores
from captwin.hw.gates.streams import Pipeline

PARITIES = ("even", "odd")


def own_tables(layers: Sequence[Layer]) -> list[Layer]:
    """The layers whose tables must be stored to serve all of ``layers``: the first alone if all have the same."""
    first = layers[0]
    alike = all(
        np.array_equal(getattr(layer, name), getattr(first, name))
        for layer in layers
        for name in ("thresholds", "surfaces")
    )
    return [first] if alike else list(layers)


class CurveStore:
    """Threshold curves in two memories, knots of even and of odd number, so that neighbours are read at once.

    With curves of several ``layers``, the pipeline's value ``layer`` chooses one. Each of ``lanes`` lanes has read
    ports of its own.
    """

    def __init__(self, m: Module, layers: Sequence[Layer], formats: Formats, lanes: int, stores: Stores) -> None:
        self._formats = formats
        self._halves = self._in_halves(layers[0])
        self._several = len(layers) > 1
        self._ports = []
        for entry in self.contents(layers, formats):
            store = stores.memory(entry.name)
            self._ports.append([store.read_port() for _ in range(lanes)])
        self._m = m

    @staticmethod
    def _in_halves(layer: Layer) -> list[np.ndarray]:
        return [layer.thresholds[:, parity::2] for parity in (0, 1)]

    @classmethod
    def contents(cls, layers: Sequence[Layer], formats: Formats) -> list[Contents]:
        """What the memories hold: even knots, odd knots."""
        return [
            Contents(f"thresholds_{name}", formats.drive_bits + 1, _words(halves))
            for name, halves in zip(PARITIES, zip(*map(cls._in_halves, layers), strict=True), strict=True)
        ]

    def read(self, lane: int, pipe: Pipeline, stage: int) -> tuple[Value, Value]:
        """The knots on both sides of v, read by lane number ``lane``, from v and b in ``stage`` of ``pipe``.

        Returns (lower knot, upper - lower knot) in ``stage`` + 3; the memories are addressed in ``stage`` + 1.
        """
        fv = self._formats.membrane_fraction
        knot = pipe["v", stage][fv:]
        data_out = []
        for parity, (half, ports) in enumerate(zip(self._halves, self._ports, strict=True)):
            place = _split(knot, parity)[: (half.shape[1] - 1).bit_length()]
            layer = [pipe["layer", stage]] if self._several else []
            pipe.register(f"curve_place{parity}_", stage + 1, Cat(pipe["b", stage], place, *layer))
            self._m.d.comb += ports[lane].addr.eq(pipe[f"curve_place{parity}_", stage + 1])
            pipe[f"curve_knot{parity}_", stage + 2] = ports[lane].data
            data_out.append(pipe[f"curve_knot{parity}_", stage + 3])
        odd = pipe["v", stage + 3][fv]
        return _ordered(odd, *data_out)


class SurfaceStore:
    """Surfaces in four memories by the parity of both knots, so that the four corners of a cell are read at once.

    With surfaces of several ``layers``, the pipeline's value ``layer`` chooses one; where each outcome of a cycle has a
    surface, its value ``spike`` does. Each of ``lanes`` lanes has read ports of its own.
    """

    def __init__(self, m: Module, layers: Sequence[Layer], formats: Formats, lanes: int, stores: Stores) -> None:
        self._m = m
        self._formats = formats
        self._by_outcome = layers[0].by_outcome
        self._parts = self._in_parts(layers[0])
        self._several = len(layers) > 1
        ports: list[list[memory.ReadPort]] = []
        for entry in self.contents(layers, formats):
            # With many lanes Yosys would make it of LUTs.
            store = stores.memory(entry.name, attrs={"ram_style": "block"})
            ports.append([store.read_port() for _ in range(lanes)])
        self._ports = [ports[:2], ports[2:]]

    @staticmethod
    def _in_parts(layer: Layer) -> list[list[np.ndarray]]:
        surfaces = layer.surfaces
        if layer.by_outcome:  # in the order of their addresses, whose lowest bit is b, the next s
            surfaces = surfaces.swapaxes(0, 1).reshape(4, *surfaces.shape[2:])
        return [[surfaces[:, i::2, j::2] for j in (0, 1)] for i in (0, 1)]

    @classmethod
    def contents(cls, layers: Sequence[Layer], formats: Formats) -> list[Contents]:
        """What the memories hold, by the parity of the knot of v, then of u."""
        parts = [cls._in_parts(layer) for layer in layers]
        return [
            Contents(f"surface_{names}_{name}", formats.membrane_bits, _words([part[i][j] for part in parts]))
            for i, names in enumerate(PARITIES)
            for j, name in enumerate(PARITIES)
        ]

    @classmethod
    def memories(cls, layers: Sequence[Layer], formats: Formats, lanes: int) -> list[MemorySize]:
        """The sizes of the memories, which ``lanes`` lanes read."""
        entries = cls.contents(layers, formats)
        return [MemorySize(entry.width, len(entry.words), lanes, block=True) for entry in entries]

    def read(self, lane: int, pipe: Pipeline, stage: int) -> Sequence[tuple[Value, Value]]:
        """The corners of the cell around v and u, read by lane number ``lane``.

        v comes from ``stage`` of ``pipe``, b, u and s from the stage after; the memories are addressed in
        ``stage`` + 2. Returns, in ``stage`` + 5, for the lower and the upper knot of v: (membrane at the lower knot of
        u, upper - lower).
        """
        fv, fu = self._formats.membrane_fraction, self._formats.drive_fraction
        knot_v, knot_u = pipe["v", stage][fv:], pipe["u", stage + 1][fu:]
        corners: list[list[Value]] = []
        for i in (0, 1):
            corners.append([])
            for j in (0, 1):
                _, rows, columns = self._parts[i][j].shape
                row = _split(knot_v, i)
                # Times the columns, 2**n or 2**n + 1 of them, without a multiplier.
                shift = columns.bit_length() - 1
                start = (row << shift) + (row if columns > 1 << shift else 0)
                pipe.register(f"row{i}{j}_", stage + 1, start[: (rows * columns - 1).bit_length()])
                port = self._ports[i][j][lane]
                place = (pipe[f"row{i}{j}_", stage + 1] + _split(knot_u, j))[: (rows * columns - 1).bit_length()]
                layer = [pipe["layer", stage + 1]] if self._several else []
                spike = [pipe["spike", stage + 1]] if self._by_outcome else []
                pipe.register(f"place{i}{j}_", stage + 2, Cat(pipe["b", stage + 1], *spike, place, *layer))
                self._m.d.comb += port.addr.eq(pipe[f"place{i}{j}_", stage + 2])
                pipe[f"corner{i}{j}_", stage + 3] = port.data
                corners[i].append(pipe[f"corner{i}{j}_", stage + 4])
        odd_v = pipe["v", stage + 4][fv]
        for k in (0, 1):  # the lower knot of v, the upper one
            for j, pair in enumerate(zip(*corners, strict=True)):
                pipe.register(f"knot{k}{j}_", stage + 5, Mux(odd_v, pair[1 - k], pair[k]))
        odd_u = pipe["u", stage + 5][fu]
        return [_ordered(odd_u, *(pipe[f"knot{k}{j}_", stage + 5] for j in (0, 1))) for k in (0, 1)]


def _split(index: Value, parity: int) -> Value:
    """Which entry of the memory of even (0) or odd (1) knots serves the interval between knots index and index + 1."""
    return (index + (1 - parity)) >> 1


def _ordered(odd: Value, even_knot: Value, odd_knot: Value) -> tuple[Value, Value]:
    """(lower, upper - lower) of two neighbouring knots, the lower of which is the odd one if ``odd``."""
    lower, upper = Mux(odd, odd_knot, even_knot), Mux(odd, even_knot, odd_knot)
    return lower, upper - lower


def _words(arrays: Sequence[np.ndarray]) -> list[int]:
    """The entries of each of ``arrays``, (2, ...) or (4, ...), as words in the order of their addresses.

    The first axis is in the lowest bits of the address, then come the array's other axes, last axis first. Each array
    but the last is filled up to a power of two, so that the highest bits are the array's number.
    """
    words: list[int] = []
    for array in arrays:
        own = [int(value) for value in np.moveaxis(array, 0, -1).ravel()]
        words += [0] * (-len(words) % (1 << (len(own) - 1).bit_length())) + own
    return words
