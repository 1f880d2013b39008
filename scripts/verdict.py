"""A verdict on a neuron as rows of a result."""

from scripts.output import Row
from sim.analog.verdict import Verdict


def verdict_rows(verdict: Verdict) -> list[Row]:
    """Thresholds, leak, reset and warnings, as ``captwin inspect`` shows them."""
    share = verdict.drive_share
    return [
        _millivolts("threshold_v", "threshold from rest", verdict.threshold),
        _millivolts("threshold_after_spike_v", "threshold after a spike", verdict.threshold_after_spike),
        _millivolts("hysteresis_v", "hysteresis at rest", verdict.hysteresis),
        Row("drive_share", share, "share of the drives below it", "" if share is None else f"{100 * share:.1f} %")
        if share is not None
        else Row("drive_share", None, "", ""),
        Row("leak", verdict.leak, "leak of a cycle", f"{100 * verdict.leak:.1f} % of the distance from rest"),
        _millivolts("rest_shift_v", "a cycle without drive shifts rest by", verdict.rest_shift),
        Row(
            "reset_left",
            verdict.reset_left,
            "reset after a spike",
            f"leaves {100 * verdict.reset_left:.1f} % of the membrane, {1e3 * verdict.reset_error:+.2f} mV from rest",
        ),
        Row("reset_error_v", verdict.reset_error, "", ""),
        Row("one_sided", verdict.one_sided, "", ""),
        Row("membranes_outside", verdict.membranes_outside, "", ""),
        Row("fatal", verdict.fatal, "no network can work on it" * bool(verdict.fatal), verdict.fatal or ""),
        Row("warnings", list(verdict.warnings), "", ""),
        *(Row("", None, "warning", text) for text in verdict.warnings),
    ]


def _millivolts(key: str, label: str, volts: float | None) -> Row:
    return Row(key, volts, label, "no drive makes a spike" if volts is None else f"{1e3 * volts:.2f} mV")
