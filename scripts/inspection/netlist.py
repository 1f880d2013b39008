"""Netlists of a user's own neuron."""

from functools import partial

from captwin.scripts.inspection.inspection import Inspection
from captwin.scripts.quantities import energy_text, quantity
from captwin.scripts.terminal.output import Row, note
from captwin.sim.plots.circuits.sweep import draw_sweep
from captwin.sim.plots.circuits.transient import draw_transient
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.memory import default_cache
from captwin.sim.spice.runner import Progress
from captwin.sim.spice.sweep import sweep

_UNITS = {"supply": "V", "c_column": "F", "c_membrane": "F"}


def inspect_netlist(bench: Bench, progress: Progress) -> Inspection:
    """Parameters of a netlist, and what its neuron does from rest, simulated; pictures of that and of ten cycles."""
    result = sweep(bench, cache=default_cache(), progress=progress)
    least, after_spike = result.thresholds
    silent = int(abs(result.u).argmin())
    corner, temperature = bench.conditions.corner, bench.conditions.temperature
    rows = [
        note("kind", "what", "a neuron netlist"),
        note("circuit", "circuit", bench.circuit),
        Row("corner", corner, "conditions", f"{corner}, {temperature:g} deg C"),
        Row("temperature_c", temperature, "", ""),
        note("models", "device models", bench.models),
        *(
            Row(f"{name}_{unit.lower()}" if name in _UNITS else name, value, name, quantity(value, unit))
            for name, value in bench.values
            for unit in [_UNITS.get(name, "V")]
        ),
        *bias_rows(bench),
        _threshold("threshold_v", "threshold from rest", least),
        _threshold("threshold_after_spike_v", "threshold at rest, after a spike", after_spike),
        Row(
            "rest_shift_v",
            float(result.v[0, silent]) - bench.parameters["v_ref"],
            f"a cycle at {1e3 * result.u[silent]:.1f} mV shifts rest by",
            f"{1e3 * (float(result.v[0, silent]) - bench.parameters['v_ref']):+.2f} mV",
        ),
        Row(
            "energy_j",
            [float(result.energy.min()), float(result.energy.max())],
            "energy of a cycle from rest",
            f"{energy_text(float(result.energy.min()))} to {energy_text(float(result.energy.max()))}",
        ),
        note("sha256", "SHA-256 with its conditions", bench.sha256),
    ]
    pictures = {
        "sweep": partial(draw_sweep, bench, result),
        "transient": partial(draw_transient, bench, _typical(bench, least)),
    }
    return Inspection(f"Netlist {bench.path.name}", rows, pictures)


def bias_rows(bench: Bench) -> list[Row]:
    """A row for what the netlist's bias circuit makes and takes, if it has one."""
    if bench.bias_current is None:
        return []
    p, current = bench.parameters, bench.bias_current
    power = quantity(current * p["supply"], "W")
    text = f"v_ref {p['v_ref']:.4f} V, v_reset {p['v_reset']:.4f} V, {quantity(current, 'A')}, {power}"
    return [Row("bias_current_a", current, "bias circuit", text)]


def _typical(bench: Bench, least: float | None) -> float:
    """V, not 0: the threshold, or what stands in for it where there is none or it is next to nothing."""
    reach = max(abs(bench.parameters["u_min"]), abs(bench.parameters["u_max"]))
    return reach if least is None else max(least, reach / 20)


def _threshold(key: str, label: str, volts: float | None) -> Row:
    return Row(key, volts, label, "no drive makes a spike" if volts is None else f"{1e3 * volts:.2f} mV")
