"""The two ends of a core's streams in cocotb, which pause at random."""

import random
from typing import Any

import numpy as np

from captwin.hw.export.sidecar import Payload, Sidecar


class Stopped(Exception):
    """The gates do something after which no comparison can go on; the message is one line."""


def number(signal: Any, cycle: int) -> int:
    """The bits of ``signal``; :class:`Stopped` if some of them are unknown."""
    value = signal.value
    if not value.is_resolvable:
        raise Stopped(f"{signal._name} has unknown bits (X or Z) in clock cycle {cycle}")
    return int(value.to_unsigned())


class Dice:
    """Says "pause" with the given chance."""

    def __init__(self, chance: float, seed: str) -> None:
        self._chance = chance
        self._random = random.Random(seed)
        self.used = chance > 0

    def roll(self) -> bool:
        return self.used and self._random.random() < self._chance


class Source:
    """Drives the pixel stream, image after image, pausing at random."""

    def __init__(self, dut: Any, images: np.ndarray, sidecar: Sidecar, pause: Dice) -> None:
        self._dut = dut
        self._pause = pause
        lanes = sidecar.options.pixel_lanes
        payload = Payload(sidecar.port("pixels__payload").fields)
        self._beats = iter(
            [
                payload.pack({f"[{n}]": int(code) for n, code in enumerate(image[start : start + lanes])})
                for image in images
                for start in range(0, len(image), lanes)
            ]
        )
        self._offering = False

    def step(self) -> bool:
        """To be called right after each clock edge: whether a beat was taken at the edge."""
        taken = self._dut.pixels__ready.value == 1 and self._offering
        if taken or not self._offering:
            beat = None if self._pause.roll() else next(self._beats, None)
            self._offering = beat is not None
            self._dut.pixels__valid.value = int(self._offering)
            if beat is not None:
                self._dut.pixels__payload.value = beat
        return taken


class Sink:
    """Watches one outgoing stream, holding it up at random."""

    def __init__(self, dut: Any, name: str, sidecar: Sidecar, pause: Dice) -> None:
        self._name = name
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._fields = Payload(sidecar.port(f"{name}__payload").fields)
        self._pause = pause
        self._open = True
        self._waiting: int | None = None
        self.offered = 0  #: clock cycle in which the latest beat first stood there
        self._ready.value = 1

    def step(self, cycle: int) -> dict[str, int] | None:
        """To be called right after each clock edge: the beat that moved at the edge, if one did."""
        beat = None
        if self._valid.value == 1:
            bits = number(self._payload, cycle)
            if self._waiting is None:
                self.offered = cycle
            if self._waiting not in (None, bits):
                raise Stopped(f"{self._name}__payload changed while it was held up, in clock cycle {cycle}")
            self._waiting = None if self._open else bits
            if self._open:
                beat = self._fields.unpack(bits)
        elif self._waiting is not None:
            raise Stopped(f"{self._name}__valid fell while it was held up, in clock cycle {cycle}")
        if self._pause.used:
            self._open = not self._pause.roll()
            self._ready.value = int(self._open)
        return beat
