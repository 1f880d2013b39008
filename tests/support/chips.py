"""Random chips: any shape, any format, tables and weights far outside what training would make."""

from dataclasses import replace
from itertools import pairwise
from zlib import crc32

import numpy as np
from pydantic import TypeAdapter

from captwin.hw.chip import GAIN_BITS, Analog, Chip, Formats, Layer, Scale
from captwin.hw.dither import Dither, amplitude_bits
from captwin.hw.encoders import ENCODERS
from captwin.hw.encoders.encoder import Encoder

#: with small tables, for tests that write, load or compile them again and again
SMALL = Formats(charge_bits=5, drive_bits=8, membrane_bits=10, drive_fraction=6, membrane_fraction=8)


def random_formats(rng: np.random.Generator) -> Formats:
    drive, membrane = int(rng.integers(8, 15)), int(rng.integers(10, 17))
    return Formats(
        charge_bits=int(rng.integers(4, 11)),
        drive_bits=drive,
        membrane_bits=membrane,
        drive_fraction=max(drive - _interval_bits(rng), 1),
        membrane_fraction=membrane - _interval_bits(rng),
    )


def _interval_bits(rng: np.random.Generator) -> int:
    """1 to 8, but tables of millions of knots are rare."""
    return int(rng.integers(1, 9 if rng.random() < 0.1 else 6))


def random_layer(
    rng: np.random.Generator,
    formats: Formats,
    rows: int,
    columns: int,
    *,
    by_outcome: bool = False,
    dithered: bool = False,
) -> Layer:
    """A layer whose every array is drawn over its whole range, its extremes included."""
    half = 1 << (formats.charge_bits - 1)
    if rng.random() < 0.3:
        charges = rng.choice([-half, half - 1], (rows, columns))
    else:
        charges = rng.integers(-half, half, (rows, columns))
    shift = int(rng.integers(1, 32))
    knots = (2, formats.membrane_knots, formats.drive_knots)
    gain_limit = 1 << int(rng.integers(1, GAIN_BITS + 1))
    middle = 1 << (formats.drive_bits + shift - 1)
    gains, offsets = rng.integers(0, gain_limit, columns), rng.integers(-middle // 2, 2 * middle, columns)
    if rng.random() < 0.2:
        offsets = rng.choice([-1, 1], columns) * (formats.offset_limit(shift) - 1)
    # Chance alone seldom gives a layer whose drives use their range, and a deep chip needs one after the other.
    if rng.random() < 0.85:
        typical = middle / max(1.0, half * np.sqrt(rows / 3))
        gains = np.clip(rng.uniform(0.3, 1.5, columns) * typical, 1, (1 << GAIN_BITS) - 1)
        offsets = rng.uniform(0.7, 1.3, columns) * middle
    return Layer(
        shift=shift,
        rest=int(rng.integers(0, formats.membrane_max + 1)),
        scale=Scale(v_min=0.0, v_max=1.0, u_min=-0.5, u_max=0.5),
        charges=charges.astype(np.int16),
        gains=gains.astype(np.uint32),
        offsets=offsets.astype(np.int64),
        threshold_offsets=_threshold_offsets(rng, formats, columns),
        surfaces=rng.integers(0, formats.membrane_max + 1, (2, *knots) if by_outcome else knots).astype(np.uint16),
        thresholds=_thresholds(rng, formats),
        c_plus=(1e-12 * rng.random((rows, columns))).astype(np.float32),
        c_minus=(1e-12 * rng.random((rows, columns))).astype(np.float32),
        c_bias=(1e-12 * rng.random((2, columns))).astype(np.float32),
        c_column=(1e-12 * rng.random(columns)).astype(np.float32),
        energy=rng.random(knots).astype(np.float32) if rng.random() < 0.5 else None,
        dither=random_dither(rng, formats, shift) if dithered else None,
    )


def random_dither(rng: np.random.Generator, formats: Formats, shift: int) -> Dither:
    """A dither drawn over its whole range; small amplitudes are as frequent as large ones."""
    bits = int(rng.integers(1, amplitude_bits(formats.drive_bits, shift) + 1))
    return Dither(seed=int(rng.integers(1, 1 << 32)), amplitude=int(rng.integers(0, 1 << bits)))


def _threshold_offsets(rng: np.random.Generator, formats: Formats, columns: int) -> np.ndarray:
    limit = formats.drive_max if rng.random() < 0.2 else formats.drive_max // 16
    return rng.integers(-limit, limit + 1, columns).astype(np.int32)


def _thresholds(rng: np.random.Generator, formats: Formats) -> np.ndarray:
    never = 1 << formats.drive_bits
    low, high = (0, never + 1) if rng.random() < 0.3 else (never // 4, 3 * never // 4)
    curve = rng.integers(low, high, (2, formats.membrane_knots))
    curve[rng.random(curve.shape) < 0.1] = never
    return curve.astype(np.uint16)


def setting_ranges(kind: str) -> dict[str, tuple[int, int]]:
    """The least and the greatest number that each setting of an encoder may be."""
    schema = TypeAdapter(ENCODERS[kind]).json_schema()["properties"]
    return {
        name: (entry["minimum"], entry.get("maximum", entry.get("exclusiveMaximum", 0) - 1))
        for name, entry in schema.items()
        if entry["type"] == "integer"
    }


def _random_kind(rng: np.random.Generator) -> str:
    """A kind of encoder. One that is added gets its share of the seeds; the others have theirs as before."""
    drawn = int(rng.integers(1 << 30))
    return max(ENCODERS, key=lambda kind: crc32(f"{drawn} {kind}".encode()))


def random_encoder(rng: np.random.Generator, kind: str, *, steps: int | None = None) -> Encoder:
    """An encoder of ``kind`` whose settings are drawn over their whole ranges; few have many ``steps``."""
    drawn = int(rng.integers(1, 30 if rng.random() < 0.1 else 9))
    others = {
        name: int(rng.integers(low, high + 1)) for name, (low, high) in setting_ranges(kind).items() if name != "steps"
    }
    return ENCODERS[kind](steps=steps or drawn, **others)


def random_chip(
    seed: int,
    *,
    sizes: tuple[int, ...] | None = None,
    kind: str | None = None,
    readout: str | None = None,
    formats: Formats | None = None,
    by_outcome: bool | None = None,
    dithered: bool | None = None,
) -> Chip:
    """A chip drawn from ``seed``: 1 to 4 layers, every encoder, both readouts, every format, two or four surfaces, one
    of three with dither."""
    rng = np.random.default_rng(seed)
    if by_outcome is None:
        by_outcome = bool(np.random.default_rng([seed, 2]).integers(2))
    if dithered is None:
        dithered = not np.random.default_rng([seed, 3]).integers(3)
    drawn = random_formats(rng)
    formats = formats or drawn
    if sizes is None:
        sizes = tuple(int(n) for n in rng.integers(1, 24, 2 + int(rng.integers(0, 4))))
    height = next(n for n in (3, 2, 1) if sizes[0] % n == 0)
    return Chip(
        formats=formats,
        encoder=random_encoder(rng, kind or _random_kind(rng)),
        readout=readout or str(rng.choice(["most_spikes", "first_spike"])),
        image=(height, sizes[0] // height),
        layers=tuple(
            random_layer(rng, formats, a, b, by_outcome=by_outcome, dithered=dithered) for a, b in pairwise(sizes)
        ),
        analog=Analog("drawn", "tt", 27.0, "0" * 64, 1.8, 0.9, 1e-12),
        provenance={"made_by": "tests", "seed": seed},
    )


def like(chip: Chip, seed: int, sizes: tuple[int, ...]) -> Chip:
    """A random chip with the formats, shifts, kind of encoder and number of surfaces of ``chip``; it has no dither."""
    kind, by_outcome = chip.encoder.kind, chip.by_outcome
    other = random_chip(seed, sizes=sizes, kind=kind, formats=chip.formats, by_outcome=by_outcome, dithered=False)
    layers = tuple(
        replace(layer, shift=own.shift, gains=own.gains[: layer.columns], offsets=own.offsets[: layer.columns])
        for layer, own in zip(other.layers, chip.layers, strict=True)
    )
    steps = min(other.encoder.steps, chip.encoder.steps)
    return replace(other, layers=layers, encoder=replace(other.encoder, steps=steps))


def random_pixels(seed: int, chip: Chip, count: int) -> np.ndarray:
    """(count, pixels) uint8 images, black, white and saturated ones among them."""
    rng = np.random.default_rng([seed, 1])
    pixels = rng.integers(0, 256, (count, chip.pixels))
    pixels[rng.random(pixels.shape) < rng.random((count, 1)) * 0.8] = 0
    pixels[rng.random(pixels.shape) < 0.1] = 255
    return pixels.astype(np.uint8)
