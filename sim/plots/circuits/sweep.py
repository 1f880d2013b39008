"""A picture of a neuron at rest over its drives."""

from matplotlib.figure import Figure

from captwin.sim.plots.circuits.neuron import CURVES, STATES
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.sweep import Sweep


def draw_sweep(bench: Bench, result: Sweep) -> Figure:
    """Membrane and energy after one cycle from rest, by drive; dots where the cycle ends with a spike."""
    figure, conditions = Figure(figsize=(11, 3.8), layout="constrained"), bench.conditions
    figure.suptitle(
        f"{bench.circuit}: one cycle from rest, {conditions.corner}, {conditions.temperature:g} °C, ngspice",
        parse_math=False,
    )
    membrane, energy = figure.subplots(1, 2)
    for b, (colour, state) in enumerate(zip(CURVES, STATES, strict=True)):
        fires = result.spikes[b]
        for axis, values in ((membrane, result.v[b]), (energy, 1e15 * result.energy[b])):
            axis.plot(1e3 * result.u, values, color=colour, linewidth=1.5, label=state)
            axis.plot(1e3 * result.u[fires], values[fires], "o", color=colour, markersize=4)
        least = result.thresholds[b]
        if least is not None:
            membrane.axvline(1e3 * least, color=colour, linewidth=1, linestyle="--")
    membrane.axhline(bench.parameters["v_ref"], color="0.7", linewidth=1)
    membrane.set(xlabel="drive u [mV]", ylabel="membrane after [V]", title="membrane (dots: it spikes)")
    energy.set(xlabel="drive u [mV]", ylabel="energy [fJ]", title="energy of the cycle")
    energy.set_ylim(0, 1.08e15 * max(float(result.energy.max()), 1e-18))
    membrane.legend(frameon=False)
    energy.legend(frameon=False)
    return figure
