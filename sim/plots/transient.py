"""A picture of ten cycles of a circuit: clocks, rows, column, membrane and spike, as ngspice has them."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.plots.style import save_png
from captwin.sim.spice.bench import Bench, open_bench
from captwin.sim.spice.column import Column, ColumnBench

#: drives of three rows in units of the drive that makes the resting neuron spike, and the cycles in which they spike
_ROWS = ((0.8, (1, 2, 4, 9)), (1.4, (6, 7)), (-0.6, (5,)))
_STEPS = 10


def plot_transient(circuit: str, path: Path) -> None:
    """:func:`draw_transient` of a reference ``circuit``, with its table's membranes, as PNG."""
    table = load_circuit(circuit)
    least = float(np.interp(table.v_rest, table.v, table.thresholds[0]))
    save_png(draw_transient(open_bench(circuit), least, table), path)


def draw_transient(bench: Bench, least: float, table: NeuronTable | None = None) -> Figure:
    """Ten cycles of a column of three rows on ``bench``, in ngspice, and with ``table`` the membranes it foretells.

    ``least`` is the drive in V, not 0, by which the rows are sized: the one that makes the resting neuron spike.
    Raises :class:`SpiceError` without ngspice, or if it does not reach the end.
    """
    c_column, v_read, supply = (bench.parameters[name] for name in ("c_column", "v_read", "supply"))
    farads = np.array([least * share * c_column / v_read for share, _ in _ROWS])
    # Rows of a neuron with a large threshold may outweigh the column.
    farads *= min(1.0, 0.9 * c_column / np.abs(farads).sum())
    spikes = np.array([[step in steps for _, steps in _ROWS] for step in range(_STEPS)])
    column = Column(np.maximum(farads, 0), np.maximum(-farads, 0), (0.0, 0.0), c_column)
    lines = [f"up{row}" if charge > 0 else f"down{row}" for row, charge in enumerate(farads)]
    clocks = ["latch", "eval", "phi2", "phi1"]
    chain = ColumnBench(bench, column, spikes, v_read)
    waves = chain.waves([*clocks, *lines, "col", "mem", "spike"])
    time = waves["time"] * 1e9

    figure = Figure(figsize=(11, 7.4), layout="constrained")
    axes = figure.subplots(5, 1, sharex=True, height_ratios=[1.3, 1, 1.3, 1.6, 0.7])
    figure.suptitle(f"{bench.circuit}: {_STEPS} cycles of a column of three rows, ngspice", parse_math=False)
    _stack(axes[0], time, [(name, waves[name] / supply) for name in clocks])
    _stack(axes[1], time, [(_row(n), waves[lines[n]] / v_read) for n in reversed(range(len(lines)))])
    axes[2].plot(time, waves["col"], color="tab:green", linewidth=1.1)
    axes[2].set_ylabel("column [V]")
    axes[3].plot(time, waves["mem"], color="0.25", linewidth=1.1, label="ngspice")
    ends = 10.0 * np.arange(1, _STEPS + 1)
    if table is not None:
        foretold = _foretold(table, column.drives(spikes, v_read))
        axes[3].plot(ends, foretold, "o", color="tab:orange", clip_on=False, label="table")
    axes[3].set_ylabel("membrane [V]")
    axes[3].legend(frameon=False, ncols=2, loc="upper left")
    axes[4].plot(time, waves["spike"], color="tab:red", linewidth=1.1)
    axes[4].set(ylabel="spike [V]", xlabel="time [ns]", xlim=(0, 10 * _STEPS), xticks=range(0, 10 * _STEPS + 1, 10))
    for axis in axes:
        axis.grid(axis="x", color="0.9")
    figure.align_ylabels(axes)
    return figure


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
    v, fired, membranes = np.array(table.v_rest), np.array(False), []
    for u in drives:
        v, fired = table.step(v, u, fired), table.fires(v, u, fired)
        membranes.append(float(v))
    return membranes
