"""Chips as fabricated, with their finer codes, through every model and the gates."""

from pathlib import Path

import numpy as np
import pytest
import torch

from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.sim import golden
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.devices.memcapacitor import Effects, History
from captwin.sim.rtl.simulate import simulate
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.testbench.job import Stalls
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.model.exact import ExactNetwork
from captwin.train.zoo import load_chip
from tests.support.chips import random_pixels
from tests.support.circuit_chips import circuit_chip

PROCESS = Process(Effects(sigma_c=0.15, stuck=0.01, drift=0.02, c_v1=0.03), History(seconds=1e6), sigma_vth=3e-3)


def test_torch_agrees_with_golden(tmp_path: Path) -> None:
    fabricate(load_chip("digits"), PROCESS, seed=1).save(tmp_path / "chip.safetensors")
    chip = Chip.load(tmp_path / "chip.safetensors")
    assert all(layer.threshold_offsets.any() for layer in chip.layers)
    pixels = load_dataset("digits").test_images
    expected, found = golden.run(chip, pixels, trace=True), ExactNetwork(chip)(torch.tensor(pixels), trace=True)
    np.testing.assert_array_equal(expected.labels, found.labels)
    for ours, theirs in zip(expected.traces, found.traces, strict=True):
        for name in ("sums", "drives", "membranes", "spikes"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name).numpy())


@pytest.mark.proof
def test_gates_agree_with_golden(tmp_path: Path) -> None:
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    chip = fabricate(circuit_chip(2), PROCESS, seed=2)
    outcome = simulate(
        chip, random_pixels(2, chip, 3), tmp_path, options=CoreOptions(2, 2, 2), stalls=Stalls(0.2, seed=2)
    )
    assert outcome.first_divergence is None, str(outcome.first_divergence)
    assert outcome.compared["spikes"] == 3 * chip.encoder.steps * sum(chip.sizes[1:])
