"""Speeds of the command line, the models, training and the simulated gates on this machine: ``make bench``.

Prints a table, writes JSON. What is compared runs in turns, in one process, on the same data."""

import json
import math
import os
import platform
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from captwin.hw.chip import Chip
from captwin.hw.support.files import write_atomically
from captwin.hw.support.tools import find_tool, run_tool
from captwin.scripts.development.peers import TrainStep, snntorch_step, spikingjelly_step
from captwin.scripts.terminal.output import Row, log, show
from captwin.sim import golden
from captwin.sim.encode import encode
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.place import find_place
from captwin.sim.rtl.simulate import simulate
from captwin.sim.spice.benches.bench import Point, open_bench
from captwin.sim.spice.benches.halves import Halves
from captwin.train.config import load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.dataset import Dataset
from captwin.train.datasets.mnist import mnist_folder
from captwin.train.loop import build_network
from captwin.train.model.exact import ExactNetwork
from captwin.train.model.network import Network
from captwin.train.zoo import chip_data, load_chip, names

OUTPUT = Path("build/bench.json")
ROUNDS = 7
#: what training is measured with: layers, time steps, images a batch, batches a round
HIDDEN, STEPS, BATCH, BATCHES = 128, 8, 256, 20


def main() -> None:
    """Measures each speed over several runs; MNIST where it is at hand, else the digits."""
    name = "mnist" if mnist_folder() else "digits"
    dataset = load_dataset(name)
    chips = {each: chip for each in names() if chip_data(chip := load_chip(each)) == name}
    images = dataset.test_images[:10_000]
    log.print(f"bench: {name}, {ROUNDS} rounds, the first left out")
    rows = [*_command_line(), *_golden(chips, images)]
    rows += [*_spice(), *_training(dataset)]
    smallest = min(chips, key=lambda each: sum(chips[each].sizes))
    gates = simulate(chips[smallest], images[:100], Path("build/bench"))
    cycles = gates.total_cycles / gates.run_seconds
    rows += [
        Row("rtl_build_s", gates.build_seconds, "Verilator, compiling", f"{gates.build_seconds:.1f} s"),
        Row("rtl_cycles_per_s", cycles, "Verilator under cocotb", f"{cycles:,.0f} cycles/s"),
        Row(
            "interval_cycles",
            gates.interval_cycles,
            f"gates of {smallest}, an image",
            f"{gates.interval_cycles:,.0f} cycles",
        ),
    ]
    show(rows, f"{name}, {os.cpu_count()} cores", as_json=False)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "data": name}
    write_atomically(OUTPUT, json.dumps(machine | {row.key: row.value for row in rows}, indent=1) + "\n")
    log.print(f"bench: wrote {OUTPUT}")


def _command_line() -> list[Row]:
    """How long people wait for help."""
    command = [sys.executable, "-m", "captwin.scripts.main"]
    actions = {" ".join(words): partial(run_tool, [*command, *words]) for words in (["--help"], ["evaluate", "--help"])}
    rows = []
    for words, seconds in _in_turns(actions).items():
        key = f"{words.replace('--', '').replace(' ', '_')}_s"
        text = f"{np.median(seconds):.2f} s (from {seconds.min():.2f} to {seconds.max():.2f})"
        rows.append(Row(key, float(np.median(seconds)), f"captwin {words}", text))
    return rows


def _golden(chips: Mapping[str, Chip], images: np.ndarray) -> list[Row]:
    """Images a second of each chip's golden model, and of PyTorch's exact arithmetic."""
    fewer = torch.tensor(images[:2000])
    actions: dict[str, Callable[[], object]] = {}
    labels, counts = {}, {}
    for name, chip in chips.items():
        sizes = "-".join(str(size) for size in chip.sizes)
        for key, action, count in (
            (f"golden_{name}", partial(golden.run, chip, images), len(images)),
            (f"torch_{name}", partial(ExactNetwork(chip), fewer), len(fewer)),
        ):
            kind = "golden model" if key.startswith("golden") else "PyTorch, eval mode"
            actions[key], labels[key], counts[key] = action, f"{kind}, {name} ({sizes})", count
    rows = []
    for key, seconds in _in_turns(actions).items():
        rates = counts[key] / seconds
        text = f"{np.median(rates):,.0f} images/s (from {rates.min():,.0f} to {rates.max():,.0f})"
        rows.append(Row(f"{key}_images_per_s", float(np.median(rates)), labels[key], text))
    return rows


def _spice() -> list[Row]:
    """A cycle of a neuron on GF180MCU in ngspice, whole and as tables are measured; nothing where cards are missing."""
    if find_tool("ngspice") is None or find_place(find_pdk("gf180mcu")) is None:
        return []
    bench = open_bench("gf180_charge_share")
    p = bench.parameters
    drives = np.linspace(p["u_min"], p["u_max"], 33)
    points = [Point(p["v_ref"], float(drive), fired) for fired in (False, True) for drive in drives]
    actions = {"whole": lambda: bench.simulate(points), "shared": lambda: Halves(bench).simulate(points)}
    times = {key: 1e3 * seconds / len(points) for key, seconds in _in_turns(actions).items()}
    labels = {"whole": "ngspice, a cycle on GF180MCU", "shared": "the same, first halves shared by 33 drives"}
    rows = []
    for key, taken in times.items():
        text = f"{np.median(taken):.1f} ms (from {taken.min():.1f} to {taken.max():.1f})"
        rows.append(Row(f"spice_cycle_{key}_ms", float(np.median(taken)), labels[key], text))
    ratio = float(np.median(times["whole"] / times["shared"]))
    return [*rows, Row("spice_cycle_ratio", ratio, "whole over shared", f"{ratio:.2f}")]


def _training(dataset: Dataset) -> list[Row]:
    """An epoch of training on the circuit beside an epoch with the plain neurons of other frameworks."""
    config = load_config(f"study-{dataset.name}", hidden=[HIDDEN], encoder={"steps": STEPS}, batch_size=BATCH)
    network = build_network(config, dataset, load_circuit(config.circuit))
    sizes = (dataset.train_images.shape[1], HIDDEN, dataset.classes)

    def spikes(pixels: torch.Tensor) -> torch.Tensor:
        return encode(config.encoder, pixels).movedim(-2, 0)  # frameworks take the steps first

    steps = {"captwin": _captwin_step(network)}
    steps |= {"snntorch": snntorch_step(sizes, spikes), "spikingjelly": spikingjelly_step(sizes, spikes)}
    images, labels = torch.tensor(dataset.train_images), torch.tensor(dataset.train_labels)
    used = range(0, min(len(images), BATCH * BATCHES), BATCH)

    def train(step: TrainStep) -> Callable[[], object]:
        def batches() -> None:
            for start in used:
                step(images[start : start + BATCH], labels[start : start + BATCH])

        return batches

    epochs = math.ceil(len(images) / BATCH) / len(used)
    times = {key: seconds * epochs for key, seconds in _in_turns({k: train(s) for k, s in steps.items()}).items()}
    rows = []
    for key, seconds in times.items():
        text = f"{np.median(seconds):.2f} s (from {seconds.min():.2f} to {seconds.max():.2f})"
        rows.append(Row(f"{key}_epoch_s", float(np.median(seconds)), f"training epoch, {key}", text))
    for key in ("snntorch", "spikingjelly"):
        ratio = float(np.median(times["captwin"] / times[key]))
        rows.append(Row(f"epoch_over_{key}", ratio, f"captwin's over {key}'s", f"{ratio:.2f}"))
    return rows


def _captwin_step(network: Network) -> TrainStep:
    optimizer = torch.optim.Adam(network.parameters())

    def step(pixels: torch.Tensor, labels: torch.Tensor) -> None:
        loss = cross_entropy(network.trace(pixels)[-1].spikes.sum(0), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.clip_weights()

    return step


def _in_turns(actions: Mapping[str, Callable[[], object]]) -> dict[str, np.ndarray]:
    """Seconds of each action in each round but the first, which warms up."""
    times: dict[str, list[float]] = {key: [] for key in actions}
    for _ in range(ROUNDS):
        for key, action in actions.items():
            start = perf_counter()
            action()
            times[key].append(perf_counter() - start)
    return {key: np.array(seconds[1:]) for key, seconds in times.items()}


if __name__ == "__main__":
    main()
