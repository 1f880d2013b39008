"""Chips with dither: as noisy as the analog chip, or as much as is asked for."""

from dataclasses import replace

import numpy as np

from captwin.hw.chip import Chip, Layer
from captwin.hw.dither import SPREAD, Dither, amplitude_bits
from captwin.hw.support.errors import CaptwinError
from captwin.sim.noise import Noise, layer_drive_noise

#: significant bits of an amplitude: products with it take two adders at most
SIGNIFICANT = 3


def dithered(chip: Chip, *, rms: float | None = None, noise: Noise | None = None, seed: int = 1) -> Chip:
    """``chip`` with dither of ``rms`` V of drive in each layer, in place of any that it has.

    Without ``rms`` it is the drive that stands for all ``noise`` of a silent cycle, kT/C alone by default, as the
    decision sees it: the mean square over a layer's columns. Equal arguments give equal chips. Raises
    :class:`CaptwinError` if the dither is too small or too large for the chip's codes.

    >>> digits = captwin.load_dataset("digits")
    >>> chip = captwin.dither_chip(captwin.load_chip("digits"), rms=1e-3, seed=7)
    >>> captwin.run_golden(chip, digits.test_images).accuracy(digits.test_labels) > 0.95
    True
    """
    if rms is not None and not 0 < rms <= 10:
        raise CaptwinError(f"dither: its RMS must be above 0 and at most 10 V of drive, got {rms:g} V")
    if not 0 <= seed < 1 << 64:
        raise CaptwinError(f"dither seed: must lie in 0 to 2^64 - 1, got {seed}")
    layers = []
    for number, layer in enumerate(chip.layers):
        where = f"layer {number}"
        wanted = (
            rms if rms is not None else layer_drive_noise(chip.analog, layer, chip.formats, noise or Noise(), where)
        )
        own_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) or 1
        layers.append(replace(layer, dither=Dither(own_seed, _amplitude(chip, layer, wanted, where))))
    made_by = {"seed": seed, "rms": rms, "from_build_id": f"{without_dither(chip).build_id:016x}"}
    return replace(chip, layers=tuple(layers), provenance={**chip.provenance, "dithered": made_by})


def without_dither(chip: Chip) -> Chip:
    """``chip`` without its dither."""
    return replace(chip, layers=tuple(replace(layer, dither=None) for layer in chip.layers))


def dither_rms(chip: Chip, layer: Layer) -> tuple[float, float]:
    """RMS of the layer's dither: in V of drive, and in drive codes."""
    codes = layer.dither.rms(layer.shift) if layer.dither else 0.0
    return codes * layer.scale.drives(chip.formats).lsb, codes


def _amplitude(chip: Chip, layer: Layer, wanted: float, where: str) -> int:
    """The amplitude of SIGNIFICANT bits that comes nearest to ``wanted`` V RMS."""
    lsb = layer.scale.drives(chip.formats).lsb
    exact = wanted / lsb * (1 << layer.shift) / SPREAD
    places = max(0, int(exact).bit_length() - SIGNIFICANT)
    amplitude = int(np.floor(exact / (1 << places) + 0.5)) << places
    least, bits = lsb * SPREAD / (1 << layer.shift), amplitude_bits(chip.formats.drive_bits, layer.shift)
    if not amplitude:
        raise CaptwinError(f"{where}: a dither of {wanted:g} V RMS of drive is too small, the least is {least:.2g} V")
    if amplitude >> bits:
        raise CaptwinError(
            f"{where}: a dither of {wanted:g} V RMS of drive is too large, the most is {least * (1 << bits):.2g} V"
        )
    return amplitude
