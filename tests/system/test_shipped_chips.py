"""The shipped chips, through the simulators, on real images."""

from pathlib import Path

import pytest

from captwin.hw.gates.options import CoreOptions
from captwin.sim.rtl.simulate import Simulation, simulate
from captwin.sim.rtl.simulators import Simulator, missing_tools
from captwin.sim.rtl.testbench.job import Stalls
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.dataset import Dataset
from captwin.train.zoo import load_chip


def run(
    name: str,
    dataset: Dataset,
    images: int,
    folder: Path,
    simulator: Simulator,
    options: CoreOptions = CoreOptions(),  # noqa: B008
    stall: float = 0.0,
) -> Simulation:
    if missing := missing_tools(simulator):
        pytest.skip(f"{simulator} lacks {', '.join(missing)}")
    chip = load_chip(name)
    pixels = dataset.test_images[:images]
    outcome = simulate(chip, pixels, folder, simulator=simulator, options=options, stalls=Stalls(stall, seed=images))
    assert outcome.first_divergence is None, str(outcome.first_divergence)
    assert outcome.compared["spikes"] == images * chip.encoder.steps * sum(chip.sizes[1:])
    assert outcome.compared["membranes"] == outcome.compared["spikes"]
    return outcome


@pytest.mark.proof
@pytest.mark.parametrize(("simulator", "images"), [("verilator", 60), ("icarus", 6)])
def test_digits(simulator: Simulator, images: int, tmp_path: Path) -> None:
    dataset = load_dataset("digits")
    outcome = run("digits", dataset, images, tmp_path, simulator, CoreOptions(4, 2, 8), stall=0.3)
    assert (outcome.labels == dataset.test_labels[:images]).mean() >= 0.8


@pytest.mark.proof
def test_mnist(mnist: Dataset, tmp_path: Path) -> None:
    outcome = run("mnist-small", mnist, 8, tmp_path, "verilator")
    # With images back to back, an image takes little longer than it keeps its slowest part busy: the encoder, with
    # 98 words of eight pixels a step, or the first crossbar, with a cycle for each event.
    busiest = max(8 * 98, outcome.counters["events[0]"] / 8)
    assert busiest <= outcome.interval_cycles < 1.25 * busiest


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "simulator", "images", "stall"),
    [
        ("mnist", "verilator", 100, 0.0),
        ("mnist-small", "verilator", 200, 0.4),
        ("mnist-small", "icarus", 10, 0.0),
        ("mnist-lowenergy", "verilator", 200, 0.0),
        ("mnist-lowenergy", "icarus", 10, 0.2),
    ],
)
def test_mnist_at_length(
    name: str, simulator: Simulator, images: int, stall: float, mnist: Dataset, tmp_path: Path
) -> None:
    run(name, mnist, images, tmp_path, simulator, stall=stall)


@pytest.mark.proof
def test_all_digits(tmp_path: Path) -> None:
    dataset = load_dataset("digits")
    outcome = run("digits", dataset, len(dataset.test_images), tmp_path, "verilator")
    accuracy = (outcome.labels == dataset.test_labels).mean()
    assert accuracy == load_chip("digits").provenance["accuracy"]["test"]


@pytest.mark.proof
def test_a_step_a_clock(tmp_path: Path) -> None:
    chip, dataset = load_chip("digits-realtime"), load_dataset("digits")
    outcome = run(
        "digits-realtime", dataset, 60, tmp_path, "verilator", CoreOptions(8, 1, 1, trace=True, real_time=True)
    )
    assert outcome.interval_cycles == chip.encoder.steps
