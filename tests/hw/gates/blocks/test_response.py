"""The parameters of neurons are what the layers have, however few of their bits are stored."""

import numpy as np
import pytest
from amaranth import Const, Module
from amaranth.lib import data
from amaranth.sim import Simulator

from captwin.hw.gates.response import Parameters
from captwin.hw.gates.streams import Pipeline
from tests.support.chips import random_formats, random_layer


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_parameters(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    formats = random_formats(rng)
    layers = [random_layer(rng, formats, 3, int(rng.integers(1, 6))) for _ in range(2)]
    parameters = Parameters(layers, formats, whole=whole)
    expected = [
        (gain, offset + (1 << (layer.shift - 1)), threshold)
        for layer in layers
        for gain, offset, threshold in zip(
            layer.gains.tolist(), layer.offsets.tolist(), layer.threshold_offsets.tolist(), strict=True
        )
    ]
    lanes = 2
    memories = parameters.contents(lanes)
    got = []
    simulator = Simulator(Module())

    async def read(ctx) -> None:
        for neuron in range(len(expected)):
            memory = memories[neuron % lanes]
            pipe = Pipeline(Module())
            stored = data.View(parameters.stored, Const(memory.words[neuron // lanes], memory.width))
            for name in parameters.shapes:
                pipe[name, 1] = stored[name]
            names = ("gain", "offset", "threshold_offset")
            got.append(tuple(ctx.get(parameters.value(pipe, name, 1)) for name in names))

    simulator.add_testbench(read)
    simulator.run()
    assert got == expected, f"seed {seed}"
