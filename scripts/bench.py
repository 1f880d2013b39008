"""Speeds of the models and the simulated gates on this machine: ``make bench``. Prints a table, writes JSON."""

import json
import os
import platform
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from hw.files import write_atomically
from scripts.output import Row, log, show
from sim import golden
from sim.rtl.runner import simulate
from train.data import load_dataset, mnist_folder
from train.exact import ExactNetwork
from train.zoo import load_chip

OUTPUT = Path("build/bench.json")
REPEATS = 5


def main() -> None:
    """Measures each speed over several runs; MNIST where it is at hand, else the digits."""
    name = "mnist" if mnist_folder() else "digits"
    chip, images = load_chip(name), load_dataset(name).test_images[:2000]
    log.print(f"bench: {name}, {len(images)} images, {REPEATS} runs each")
    network = ExactNetwork(chip)
    rows = [
        _speed("golden_images_per_s", "golden model", lambda: golden.run(chip, images), len(images)),
        _speed("torch_images_per_s", "PyTorch, eval mode", lambda: network(torch.tensor(images)), len(images)),
    ]
    gates = simulate(chip, images[:100], Path("build/bench"))
    cycles = gates.total_cycles / gates.run_seconds
    rows += [
        Row("rtl_build_s", gates.build_seconds, "Verilator, compiling", f"{gates.build_seconds:.1f} s"),
        Row("rtl_cycles_per_s", cycles, "Verilator under cocotb", f"{cycles:,.0f} cycles/s"),
        Row("interval_cycles", gates.interval_cycles, "gates, an image", f"{gates.interval_cycles:,.0f} cycles"),
    ]
    show(rows, f"{name}, {os.cpu_count()} cores", as_json=False)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "data": name}
    write_atomically(OUTPUT, json.dumps(machine | {row.key: row.value for row in rows}, indent=1) + "\n")
    log.print(f"bench: wrote {OUTPUT}")


def _speed(key: str, label: str, action: object, images: int) -> Row:
    times = []
    for _ in range(REPEATS + 1):
        start = perf_counter()
        action()  # type: ignore[operator]
        times.append(perf_counter() - start)
    rates = images / np.array(times[1:])  # the first run warms up
    text = f"{np.median(rates):,.0f} images/s (from {rates.min():,.0f} to {rates.max():,.0f})"
    return Row(key, float(np.median(rates)), label, text)


if __name__ == "__main__":
    main()
