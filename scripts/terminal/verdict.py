"""What verbs show of the verdict on a neuron table."""

import numpy as np

from captwin.scripts.quantities import energy_text
from captwin.scripts.terminal.output import Row, count, note
from captwin.sim.neurons.verdict import Verdict, judge
from captwin.sim.spice.characterize import HeldOut
from captwin.sim.spice.corners import Measured


def verdict_rows(verdict: Verdict) -> list[Row]:
    """A row for each figure, and one for each warning; whether the table is usable comes first."""
    return [
        Row("usable", verdict.fatal is None, "", ""),
        note("verdict", "verdict", verdict.fatal or "a network can work on this neuron"),
        _drive("threshold_v", "threshold from rest", verdict.threshold),
        _drive("threshold_after_spike_v", "threshold in the cycle after that spike", verdict.threshold_after_spike),
        _drive("hysteresis_v", "a spike raises the threshold at rest by", verdict.hysteresis),
        _share("drive_share", "of the table's highest drive, the threshold takes", verdict.drive_share),
        _share("leak", "leak: a silent cycle takes of the membrane", verdict.leak),
        _drive("rest_shift_v", "a cycle without drive moves the resting membrane by", verdict.rest_shift),
        _share("reset_left", "reset: the cycle after a spike leaves of the membrane", verdict.reset_left),
        _drive("reset_error_v", "reset: from rest to where it ends", verdict.reset_error),
        Row("one_sided", verdict.one_sided, "", ""),
        Row("membranes_outside", verdict.membranes_outside, "", ""),
        Row("warnings", list(verdict.warnings), "", ""),
        *(Row("", None, "warning", warning) for warning in verdict.warnings),
    ]


def held_out_rows(check: HeldOut) -> list[Row]:
    """How a table predicts fresh cycles: of the membrane everywhere, of the spike near the threshold."""
    label = f"spikes foretold within {1e3 * check.near:.1f} mV of the threshold"
    text = "the table holds no threshold" if check.agreement is None else f"{100 * check.agreement:.2f} %"
    return [
        count("held_out_points", "held-out points", check.points),
        Row("held_out_rms_v", check.rms, "interpolation error, RMS", f"{1e3 * check.rms:.3f} mV"),
        Row("held_out_worst_v", check.worst, "interpolation error, worst", f"{1e3 * check.worst:.3f} mV"),
        Row("near_threshold_v", check.near, "", ""),
        Row("near_threshold_points", check.near_points, "", ""),
        Row("held_out_spikes", check.agreement, label, text),
    ]


def condition_rows(measured: Measured) -> list[Row]:
    """A line for what a table says of its neuron; for machines an object by the name of its conditions."""
    name, table = measured.conditions.name, measured.table
    if table is None:
        return [Row(name, {"failure": measured.failure}, str(measured.conditions), f"failed: {measured.failure}")]
    verdict = judge(table)
    assert table.energy is not None
    energy = float(np.median(table.energy))
    threshold = "never fires" if verdict.threshold is None else f"threshold {1e3 * verdict.threshold:.1f} mV"
    text = f"{threshold}, v_rest {table.v_rest:.4f} V, {energy_text(energy)} a cycle: {measured.path}"
    facts = {
        "table": str(measured.path),
        "v_rest_v": table.v_rest,
        "threshold_v": verdict.threshold,
        "energy_median_j": energy,
        "usable": verdict.fatal is None,
        "verdict": verdict.fatal,
        "warnings": list(verdict.warnings),
    }
    doubts = [Row("", None, " ", line) for line in ([verdict.fatal] if verdict.fatal else verdict.warnings)]
    return [Row(name, facts, str(measured.conditions), text), *doubts]


def _drive(key: str, label: str, volts: float | None) -> Row:
    return Row(key, volts, label, "no drive of the table makes one" if volts is None else f"{1e3 * volts:.2f} mV")


def _share(key: str, label: str, value: float | None) -> Row:
    return Row(key, value, label, "no drive of the table makes one" if value is None else f"{100 * value:.1f} %")
