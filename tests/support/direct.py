"""Random layers that need no interpolation."""

from dataclasses import replace

import numpy as np

from captwin.hw.chip import Chip, Formats, Layer
from captwin.hw.encoders import make_encoder
from tests.support.chips import random_chip, random_layer


def direct_formats(membrane_bits: int, drive_bits: int, wide: int = 0) -> Formats:
    """Formats whose tables have so many bits; ``wide`` more bits lie below them than there must."""
    drive, membrane = max(8, drive_bits + 1 + wide), max(10, membrane_bits + 1 + wide)
    return Formats(
        charge_bits=5,
        drive_bits=drive,
        drive_fraction=drive - drive_bits,
        membrane_bits=membrane,
        membrane_fraction=membrane - membrane_bits,
    )


def direct_layer(
    rng: np.random.Generator, formats: Formats, rows: int, columns: int, *, step: int, by_outcome: bool = False
) -> Layer:
    """A layer whose drives are multiples of ``step`` codes, with tables of drawn numbers."""
    layer = random_layer(rng, formats, rows, columns, by_outcome=by_outcome)
    shift = int(rng.integers(1, 18 - step.bit_length()))
    whole, top = 1 << formats.membrane_fraction, (1 << formats.drive_bits) - step
    surfaces = layer.surfaces // whole * whole
    surfaces[..., top >> formats.drive_fraction :] = surfaces[..., top >> formats.drive_fraction, None]
    thresholds = np.where(layer.thresholds > top, 1 << formats.drive_bits, layer.thresholds)
    middle = 1 << (formats.drive_bits - 1)
    offsets = rng.integers(-middle, middle, columns) // step * step + middle
    return replace(
        layer,
        shift=shift,
        rest=layer.rest // whole * whole,
        charges=rng.integers(-2, 3, (rows, columns)).astype(np.int16),
        gains=np.full(columns, step << shift, np.uint32),
        offsets=offsets.astype(np.int64) << shift,
        threshold_offsets=np.zeros(columns, np.int32),
        surfaces=surfaces.astype(np.uint16),
        thresholds=thresholds.astype(np.uint16),
    )


def direct_chip(rng: np.random.Generator, formats: Formats, layers: tuple[Layer, ...]) -> Chip:
    """A chip of ``layers`` whose image is one line."""
    other = random_chip(int(rng.integers(1 << 30)))
    return replace(
        other,
        formats=formats,
        encoder=make_encoder(steps=5),
        image=(1, layers[0].rows),
        layers=layers,
        analog=replace(other.analog, row_wires=None),
    )
