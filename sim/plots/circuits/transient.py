"""A picture of ten cycles of a circuit: clocks, rows, column, membrane and spike, as ngspice has them."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.plots.style import save_png
from captwin.sim.spice.benches.bench import Bench, open_bench
from captwin.sim.spice.benches.column import Column, ColumnBench

#: drives of three rows in units of the drive that makes the resting neuron spike, and the cycles in which they spike
_ROWS = ((0.8, (1, 2, 4, 9)), (1.4, (6, 7)), (-0.6, (5,)))
_STEPS = 10
#: drives of the two cycles that :func:`draw_cycles` shows, in the same unit
_SHARES = (0.8, 1.4)


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


def draw_cycles(bench: Bench, least: float, table: NeuronTable) -> Figure:
    """A cycle from rest that ends without a spike and one that ends with one, each and the cycle after it, in ngspice;
    dots are the membranes that ``table`` foretells.

    ``least`` is the drive in V that makes the resting neuron spike, above 0. Raises :class:`SpiceError` without
    ngspice, or if it does not reach the end.
    """
    c_column, v_read, supply = (bench.parameters[name] for name in ("c_column", "v_read", "supply"))
    most = 0.9 * v_read / max(_SHARES)
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.subplots(4, 2, sharex=True, sharey="row", height_ratios=[1.5, 1, 1.6, 1])
    clocks, spikes = ["latch", "eval", "phi2", "phi1"], np.array([[1], [0]])
    for place, share in enumerate(_SHARES):
        charge = np.array([share * min(least, most) * c_column / v_read])
        column = Column(charge, np.zeros(1), (0.0, 0.0), c_column)
        waves = ColumnBench(bench, column, spikes, v_read).waves([*clocks, "up0", "col", "mem", "spike", "spike_n"])
        drives = column.drives(spikes, v_read)
        time, fires = waves["time"] * 1e9, waves["spike"].max() > supply / 2
        ending = "with a spike" if fires else "without a spike"
        axes[0, place].set_title(f"{1e3 * drives[0]:.0f} mV of drive, then none: ends {ending}")
        _stack(
            axes[0, place], time, [(name, waves[name] / supply) for name in clocks] + [("row", waves["up0"] / v_read)]
        )
        axes[1, place].plot(time, waves["col"], color="tab:green", linewidth=1.2)
        axes[2, place].plot(time, waves["mem"], color="#000000", linewidth=1.2)
        ends = 10.0 * np.arange(1, len(drives) + 1)
        axes[2, place].plot(ends, _foretold(table, drives), "o", color="tab:orange", clip_on=False)
        for name, colour in (("spike", "tab:red"), ("spike_n", "0.5")):
            axes[3, place].plot(time, waves[name], color=colour, linewidth=1.2)
            low = waves[name][0] < supply / 2
            axes[3, place].annotate(
                name,
                (0.0, waves[name][0]),
                xytext=(5, 3 if low else -3),
                textcoords="offset points",
                va="bottom" if low else "top",
                color=colour,
            )
    for axis, label in zip(axes[1:, 0], ("column [V]", "membrane [V]", "latch [V]"), strict=True):
        axis.set_ylabel(label)
    for axis in axes[-1]:
        axis.set(xlabel="time [ns]", xlim=(0, 20), xticks=range(0, 21, 2))
    for axis in axes.flat:
        axis.axvline(10, color="0.7", linewidth=1, linestyle="--")
    figure.align_ylabels(axes[:, 0])
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
