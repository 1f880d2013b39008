"""Where the entries of neuron tables lie in memory, and which layers share them."""

from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.gates.tables import CurveStore, SurfaceStore, own_tables
from tests.support.chips import random_formats, random_layer


@pytest.mark.parametrize("seed", range(6))
def test_entries_are_found_by_layer_knots_and_spike(seed: int) -> None:
    """The address is, from its lowest bit on: b, of four surfaces s, the knots, the layer."""
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    by_outcome = seed % 2 == 1
    layers = [random_layer(rng, formats, 2, 3, by_outcome=by_outcome) for _ in range(3)]
    outcomes = (0, 1) if by_outcome else (0,)
    curves, surfaces = CurveStore.contents(layers, formats), SurfaceStore.contents(layers, formats)
    for number, layer in enumerate(layers):
        for b in (0, 1):
            for v in range(formats.membrane_knots):
                words = curves[v % 2].words
                half = len(range(v % 2, formats.membrane_knots, 2))
                start = number << (2 * half - 1).bit_length()
                assert words[start + 2 * (v // 2) + b] == layer.thresholds[b, v], f"seed {seed}"
                for u in range(formats.drive_knots):
                    words = surfaces[2 * (v % 2) + u % 2].words
                    shape = layer.thresholds[:1, v % 2 :: 2].size, len(range(u % 2, formats.drive_knots, 2))
                    start = number << (2 * len(outcomes) * shape[0] * shape[1] - 1).bit_length()
                    place = (v // 2) * shape[1] + u // 2
                    for s in outcomes:
                        surface = layer.surfaces[b, s] if by_outcome else layer.surfaces[b]
                        assert words[start + 2 * (len(outcomes) * place + s) + b] == surface[v, u], f"seed {seed}"


def test_layers_share_tables_only_if_all_are_alike() -> None:
    rng = np.random.default_rng(1)
    formats = random_formats(rng)
    first, second = (random_layer(rng, formats, 2, 3) for _ in range(2))
    alike = replace(second, thresholds=first.thresholds, surfaces=first.surfaces)
    assert own_tables([first, alike]) == [first]
    for differing in (second, replace(alike, thresholds=second.thresholds), replace(alike, surfaces=second.surfaces)):
        assert own_tables([first, differing, alike]) == [first, differing, alike]
