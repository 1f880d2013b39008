"""What a kind of layers says of itself is what its gates are."""

from collections import Counter

import pytest

from captwin.hw.gates.core import Core
from captwin.hw.gates.kinds import KINDS, layers_of
from captwin.hw.gates.options import CoreOptions
from tests.support.chips import random_chip
from tests.support.real_time import real_time_chip

OPTIONS = {
    "real_time": CoreOptions(2, 1, 1, real_time=True),
    "parallel": CoreOptions(2, (2, 1), (1, 4), loadable=True, change_events=True),
    "serial": CoreOptions(2, 1, 1, loadable=True, serial=True),
}


def test_every_kind_is_tested() -> None:
    assert OPTIONS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", [kind for kind, options in OPTIONS.items() if options.loadable])
@pytest.mark.parametrize("seed", range(3))
def test_large_memories(kind: str, seed: int) -> None:
    """The sizes that block RAMs are counted by are those of the stores of a core."""
    chip, options = random_chip(seed, sizes=(9, 40, 5)), OPTIONS[kind]
    stores = [entry for entry in Core(chip, options).contents if "weights" in entry.name or "surface_" in entry.name]
    sizes = layers_of(options).memories(chip, options)
    assert Counter((size.width, size.depth) for size in sizes) == Counter(
        (entry.width, len(entry.words)) for entry in stores
    )


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_part_has_a_layers_results(kind: str) -> None:
    chip = real_time_chip(1, sizes=(9, 40, 5)) if kind == "real_time" else random_chip(1, sizes=(9, 40, 5))
    core = Core(chip, OPTIONS[kind])
    layers = core.layers
    assert type(layers) is KINDS[kind]
    assert len(layers.results) == len(layers.taken) == len(layers.fired) == len(layers.saturated) == len(chip.layers)
    stores = [entry.within(name).name for name, part in layers.parts.items() for entry in part.contents]
    assert [entry.name for entry in core.contents if entry.name in stores] == stores
