"""Whether a chip's neurons are alive: silent and always firing ones, clamped drives, inputs that no spike leaves."""

from dataclasses import dataclass

import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.look_up import look_up_of
from captwin.sim import golden
from captwin.sim.encode import encode

#: images that tell enough
ENOUGH = 1000
#: share of all its time steps in which a neuron fires that is then called always on
ALWAYS_ON = 0.99
#: Shares above which something is wrong; the shipped chips reach 0.13, 0, 0.13, 0.001 and 0.015.
SILENT_LIMIT = 0.5
ALWAYS_ON_LIMIT = 0.1
CLAMPED_LIMIT = 0.25
WORDLESS_LIMIT = 0.1
DEAD_LIMIT = 0.25


@dataclass(frozen=True)
class LayerActivity:
    """What a layer did; shares of 1."""

    spike_rate: float  #: spikes a neuron and time step
    silent: float  #: share of neurons that never fired
    always_on: float  #: share of neurons that fired in 99 % of their time steps or more
    clamped: float  #: share of drives outside the neuron table
    direct: bool = (
        False  #: whether it needs no interpolation: its table follows its charges, whatever they are in volts
    )


@dataclass(frozen=True)
class Activity:
    """What a chip did with the images that it was shown."""

    images: int
    dead_inputs: float  #: share of the pixels that were not always black, but never spiked
    wordless: float  #: share of images of which no output neuron fired, so that membranes alone decided
    layers: tuple[LayerActivity, ...]
    advice: str  #: what to change if too many pixels never spike; it depends on the kind of encoder

    def warnings(self) -> list[str]:
        """What keeps the network from working, a line each; none if it is alive."""
        lines = []
        if self.dead_inputs > DEAD_LIMIT:
            lines.append(
                f"encoder: {_percent(self.dead_inputs)} of the pixels that are not black never spike; {self.advice}"
            )
        for number, layer in enumerate(self.layers):
            if not layer.spike_rate:
                lines.append(f"layer {number}: no neuron ever fires; raise v_read, or train on another table")
            elif layer.silent > SILENT_LIMIT:
                lines.append(f"layer {number}: {_percent(layer.silent)} of the neurons never fire; raise v_read")
            if layer.always_on > ALWAYS_ON_LIMIT:
                lines.append(
                    f"layer {number}: {_percent(layer.always_on)} of the neurons fire in all but every step;"
                    " lower v_read, or train on another table"
                )
            if layer.clamped > CLAMPED_LIMIT:
                advice = "raise direct.drive_bits" if layer.direct else "lower v_read, or widen the table's u axis"
                lines.append(
                    f"layer {number}: {_percent(layer.clamped)} of the drives lie outside the neuron table and are"
                    f" clamped; {advice}"
                )
        if self.wordless > WORDLESS_LIMIT:
            lines.append(
                f"readout: no output neuron fires in {_percent(self.wordless)} of the images, whose classes are told"
                " by membranes alone"
            )
        return lines


def measure(chip: Chip, pixels: np.ndarray, batch: int = 250) -> Activity:
    """What ``chip`` does with the first 1,000 of ``pixels``, (images, pixels) uint8, ``batch`` images at a time.

    Raises :class:`CaptwinError` if the images do not fit the chip.
    """
    golden.check_pixels(chip, pixels)
    pixels = pixels[:ENOUGH]
    lit = (pixels > 0).any(axis=0)
    spiking = np.zeros(chip.pixels, bool)
    fired = [np.zeros(layer.columns, np.int64) for layer in chip.layers]
    clamped = [0] * len(chip.layers)
    wordless = 0
    for start in range(0, len(pixels), batch):
        part = pixels[start : start + batch]
        spiking |= encode(chip.encoder, part).any(axis=(0, 1))
        traces = golden.run(chip, part, trace=True).traces
        for number, (layer, trace) in enumerate(zip(chip.layers, traces, strict=True)):
            fired[number] += trace.spikes.sum(axis=(0, 1))
            clamped[number] += int(golden.saturates(layer, chip.formats, trace.sums).sum())
        wordless += int((traces[-1].spikes.sum(axis=(1, 2)) == 0).sum())
    cycles = len(pixels) * chip.encoder.steps
    layers = tuple(
        LayerActivity(
            spike_rate=float(spikes.mean()) / cycles,
            silent=float((spikes == 0).mean()),
            always_on=float((spikes >= ALWAYS_ON * cycles).mean()),
            clamped=beyond / (cycles * len(spikes)),
            direct=look_up_of(layer, chip.formats) is not None,
        )
        for layer, spikes, beyond in zip(chip.layers, fired, clamped, strict=True)
    )
    dead = int((lit & ~spiking).sum()) / max(int(lit.sum()), 1)
    return Activity(len(pixels), dead, wordless / len(pixels), layers, chip.encoder.ADVICE)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
