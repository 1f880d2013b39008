"""The kinds of layers that a core can have, and what each of them offers to the core and to estimates of its size."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from amaranth import Module, Signal
from amaranth.lib import wiring

from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.gates.parallel import ParallelLayers
from captwin.hw.gates.real_time.layers import RealTimeLayers
from captwin.hw.gates.serial import SerialLayers
from captwin.hw.gates.stores import MemorySize


class Layers(Protocol):
    """All layers of a chip in gates, between the encoder's spikes and the readout.

    It is made from the chip, the core's options, and the number of its first store (None if nothing is loadable).
    """

    #: the classes of the encoder before them and the readout behind them, made as :class:`SpikeEncoder` and
    #: :class:`ClassReadout` are
    ENCODER: ClassVar[Any]
    READOUT: ClassVar[Any]
    #: images that may be under way at once
    IN_FLIGHT: ClassVar[int]
    #: for each layer, counted a fixed number of cycles before: row events taken, neurons that fired, clamped drives
    taken: Any
    fired: Any
    saturated: Any

    def __init__(self, chip: Chip, options: CoreOptions, *, stores_from: int | None = None) -> None: ...

    @property
    def parts(self) -> Mapping[str, Any]:
        """Its components by the names that they get in the core; each has ``contents``, and ``load`` if loadable."""

    @property
    def results(self) -> Sequence[Any]:
        """For each layer the stream of its results, of :func:`neuron_word`."""

    @property
    def word_shape(self) -> Any:
        """What the stream that :meth:`place` returns carries."""

    def place(self, m: Module, spikes: Any, reset: Signal, trace: Callable[[int, Any], Any]) -> Any:
        """Adds the parts to the core's module ``m`` and joins them; returns the stream of what the readout needs.

        ``spikes`` is the stream of the encoder's spikes, ``reset`` the core's. ``trace`` is called with the number of
        each layer and the stream of its results, and returns the stream to take in its place.
        """

    def blocks(self) -> list[tuple[str, object, wiring.Component]]:
        """The blocks to count for an estimate of area: name, sizes, and the block.

        Two blocks of one chip with the same name and sizes have the same gates, if trace and loadable are the same.
        """

    @classmethod
    def memories(cls, chip: Chip, options: CoreOptions) -> list[MemorySize]:
        """The large memories, of weights and surfaces, that a core of these options would have."""

    @staticmethod
    def tables(chip: Chip) -> int:
        """How many neuron tables a core of ``chip`` has."""

    @staticmethod
    def word_lanes(options: CoreOptions, sizes: Sequence[int]) -> tuple[int, ...]:
        """For each layer the neurons of a word of its results. ``sizes`` are those of the chip."""

    @staticmethod
    def rows_at_once(options: CoreOptions, sizes: Sequence[int]) -> tuple[int, ...]:
        """For each layer the row events that it takes a cycle, at most. ``sizes`` are those of the chip."""

    @staticmethod
    def step_at_most(sizes: Sequence[int]) -> int:
        """Clock cycles that a time step takes at most, if nobody holds anything up.

        ``sizes`` are those of the chip: its pixels, then the neurons of each layer.
        """


KINDS: dict[str, type[Layers]] = {"real_time": RealTimeLayers, "parallel": ParallelLayers, "serial": SerialLayers}


def layers_of(options: CoreOptions) -> type[Layers]:
    """The class of the layers of a core with ``options``."""
    return KINDS[options.kind]
