"""A picture of ten cycles of a reference circuit: clocks, rows, column, membrane and spike, as ngspice has them."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.analog.bench import open_bench
from sim.analog.circuits import load_circuit
from sim.analog.column import Column, ColumnBench
from sim.analog.table import NeuronTable
from sim.plots.style import save_png

#: drives of three rows in units of the drive that makes the resting neuron spike, and the cycles in which they spike
_ROWS = ((0.8, (1, 2, 4, 9)), (1.4, (6, 7)), (-0.6, (5,)))
_STEPS = 10


def plot_transient(circuit: str, path: Path) -> None:
    """Ten cycles of a column of three rows of the reference ``circuit``, with the table's membranes, as PNG.

    Raises :class:`SpiceError` without ngspice.
    """
    bench, table = open_bench(circuit), load_circuit(circuit)
    least = float(np.interp(table.v_rest, table.v, table.thresholds[0]))
    farads = np.array([least * share * table.c_column / table.v_read for share, _ in _ROWS])
    spikes = np.array([[step in steps for _, steps in _ROWS] for step in range(_STEPS)])
    column = Column(np.maximum(farads, 0), np.maximum(-farads, 0), (0.0, 0.0), table.c_column)
    lines = [f"up{row}" if charge > 0 else f"down{row}" for row, charge in enumerate(farads)]
    clocks = ["latch", "eval", "phi2", "phi1"]
    chain = ColumnBench(bench, column, spikes, table.v_read)
    waves = chain.waves([*clocks, *lines, "col", "mem", "spike"])
    time = waves["time"] * 1e9

    figure = Figure(figsize=(11, 7.4), layout="constrained")
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[1.3, 1, 1.3, 1.6, 0.7])
    figure.suptitle(f"{circuit}: {_STEPS} cycles of a column of three rows, ngspice")
    _stack(axes[0], time, [(name, waves[name] / table.supply) for name in clocks])
    _stack(axes[1], time, [(_row(n), waves[lines[n]] / table.v_read) for n in reversed(range(len(lines)))])
    axes[2].plot(time, waves["col"], color="tab:green", linewidth=1.1)
    axes[2].set_ylabel("column [V]")
    axes[3].plot(time, waves["mem"], color="0.25", linewidth=1.1, label="ngspice")
    ends = 10.0 * np.arange(1, _STEPS + 1)
    axes[3].plot(
        ends,
        _foretold(table, column.drives(spikes, table.v_read)),
        "o",
        color="tab:orange",
        clip_on=False,
        label="table",
    )
    axes[3].set_ylabel("membrane [V]")
    axes[3].legend(frameon=False, ncols=2, loc="upper left")
    axes[4].plot(time, waves["spike"], color="tab:red", linewidth=1.1)
    axes[4].set(ylabel="spike [V]", xlabel="time [ns]", xlim=(0, 10 * _STEPS), xticks=range(0, 10 * _STEPS + 1, 10))
    for axis in axes:
        axis.grid(axis="x", color="0.9")
    figure.align_ylabels(axes)
    save_png(figure, path)


def _row(number: int) -> str:
    share = _ROWS[number][0]
    return f"row {number} ({share:+g})"


def _stack(axis: Axes, time: np.ndarray, waves: list[tuple[str, np.ndarray]]) -> None:
    for place, (_, wave) in enumerate(waves):
        axis.plot(time, 0.7 * wave + place, color="tab:blue", linewidth=1.1)
    axis.set_yticks([place + 0.35 for place in range(len(waves))], [name for name, _ in waves])
    axis.tick_params(axis="y", length=0)


def _foretold(table: NeuronTable, drives: np.ndarray) -> list[float]:
    """Membranes after each cycle by the table, from rest."""
    v, fired, found = np.array(table.v_rest), np.array(False), []
    for u in drives:
        v, fired = table.step(v, u, fired), table.fires(v, u, fired)
        found.append(float(v))
    return found
