"""Random chips whose neurons need no interpolation: sparse weights of few levels, small tables, no training."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from captwin.hw.chip import Analog, Chip, Formats, Layer, Scale
from captwin.hw.encoders.encoder import Encoder
from tests.support.chips import random_encoder


def real_time_chip(
    seed: int,
    *,
    sizes: tuple[int, ...] | None = None,
    encoder: Encoder | None = None,
    density: float | None = None,
    knots: tuple[int, int] | None = None,
    fabricated: bool | None = None,
    by_outcome: bool | None = None,
    readout: str | None = None,
) -> Chip:
    """A chip of direct tables drawn from ``seed``: 1 to 3 layers, both readouts, `rate` or `static`, two or four
    surfaces, thresholds alike or each neuron's own.

    ``knots`` are the bits of membrane and drive that the tables have; ``density`` is the share of weights that are not
    0.
    """
    rng = np.random.default_rng([seed, 4])
    sizes = sizes or tuple(int(n) for n in rng.integers(1, 20, 2 + int(rng.integers(0, 3))))
    membrane, drive = knots or (int(rng.integers(1, 6)), int(rng.integers(2, 7)))
    formats = Formats(
        charge_bits=int(rng.integers(4, 7)),
        drive_bits=max(8, drive + 1),
        drive_fraction=max(8, drive + 1) - drive,
        membrane_bits=max(10, membrane + 1),
        membrane_fraction=max(10, membrane + 1) - membrane,
    )
    encoder = encoder or random_encoder(rng, str(rng.choice(["rate", "static"])))
    by_outcome = bool(rng.integers(2)) if by_outcome is None else by_outcome
    fabricated = bool(rng.integers(2)) if fabricated is None else fabricated
    density = float(rng.uniform(0.1, 0.9)) if density is None else density
    layers = [
        real_time_layer(rng, formats, rows, columns, density=density, by_outcome=by_outcome)
        for rows, columns in pairwise(sizes)
    ]
    if fabricated:
        layers = [replace(layer, threshold_offsets=_deviations(rng, layer.columns)) for layer in layers]
    height = next(n for n in (28, 8, 3, 2, 1) if sizes[0] % n == 0)
    return Chip(
        formats=formats,
        encoder=encoder,
        readout=readout or str(rng.choice(["most_spikes", "first_spike"])),
        image=(height, sizes[0] // height),
        layers=tuple(layers),
        analog=Analog("drawn", "tt", 27.0, "0" * 64, 1.8, 0.9, 1e-12),
        provenance={"made_by": "tests", "seed": seed},
    )


def real_time_layer(
    rng: np.random.Generator, formats: Formats, rows: int, columns: int, *, density: float, by_outcome: bool
) -> Layer:
    """A layer whose drives are whole intervals, and whose membranes are knots; the table's last knots are repeated."""
    interval, levels = formats.drive_fraction, 1 << (formats.charge_bits - 1)
    charges = (
        rng.choice([-1, 1], (rows, columns)) if rng.random() < 0.5 else rng.integers(-levels, levels, (rows, columns))
    )
    charges = charges * (rng.random((rows, columns)) < density)
    shift, more = int(rng.integers(1, 5)), int(rng.integers(0, 2))
    middle = 1 << (formats.drive_bits - interval - 1)
    offsets = rng.integers(-middle // 2, 2 * middle + 1, columns)
    membranes = rng.integers(0, 1 << (formats.membrane_bits - formats.membrane_fraction), (4, *_inner(formats)))
    thresholds = rng.integers(0, (1 << formats.drive_bits) + 1, (2, formats.membrane_knots))
    thresholds = np.minimum(-(-thresholds >> interval) << interval, 1 << formats.drive_bits)
    surfaces = np.pad(membranes, ((0, 0), (0, 1), (0, 1)), mode="edge") << formats.membrane_fraction
    surfaces[..., -(1 << more) :] = surfaces[..., -(1 << more) - 1, None]
    surfaces = surfaces.reshape(2, 2, *surfaces.shape[1:]) if by_outcome else surfaces[:2]
    zeros = np.zeros((rows, columns), np.float32)
    return Layer(
        shift=shift,
        rest=int(rng.integers(0, 1 << (formats.membrane_bits - formats.membrane_fraction)))
        << formats.membrane_fraction,
        scale=Scale(v_min=0.0, v_max=1.0, u_min=-0.5, u_max=0.5),
        charges=charges.astype(np.int16),
        gains=np.full(columns, 1 << (shift + interval + more), np.uint32),
        offsets=(offsets << (shift + interval)).astype(np.int64),
        threshold_offsets=np.zeros(columns, np.int32),
        surfaces=surfaces.astype(np.uint16),
        thresholds=thresholds.astype(np.uint16),
        c_plus=zeros,
        c_minus=zeros,
        c_bias=np.zeros((2, columns), np.float32),
        c_column=np.full(columns, 1e-13, np.float32),
    )


def _inner(formats: Formats) -> tuple[int, int]:
    """Knots along membrane and drive, without the last ones."""
    return formats.membrane_knots - 1, formats.drive_knots - 1


def _deviations(rng: np.random.Generator, columns: int) -> np.ndarray:
    return rng.integers(-40, 41, columns).astype(np.int32)
