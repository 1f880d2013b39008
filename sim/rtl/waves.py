"""Draws a stretch of a VCD waveform as a picture, for reports and documents."""

import io
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hw.chip import Chip
from hw.errors import CaptwinError
from hw.files import write_atomically
from hw.verilog import TOP

CLOCK_PS = 10_000  # the bench's clock; its VCD counts picoseconds


@dataclass(frozen=True)
class Trace:
    """Value changes of one signal: times [ns] and the values from then on."""

    width: int
    times: list[float] = field(default_factory=list)
    values: list[int | None] = field(default_factory=list)

    def at(self, time: float) -> int | None:
        """The value at ``time`` [ns]; None if unknown."""
        value = None
        for moment, later in zip(self.times, self.values, strict=True):
            if moment > time:
                break
            value = later
        return value


def read_vcd(path: Path, signals: list[str], cycles: int) -> dict[str, Trace]:
    """The traces of ``signals`` during the first ``cycles`` clock cycles.

    Signals are named as in the VCD, from the design's top on: ``layer0.events.events__0__valid``. Raises
    :class:`CaptwinError` if one of them is not there.
    """
    wanted: dict[str, list[Trace]] = {}
    traces: dict[str, Trace] = {}
    scope: list[str] = []
    now, end = 0, cycles * CLOCK_PS
    with path.open(errors="replace") as file:
        for line in file:
            match line.split():
                case ["$scope", _, name, "$end"]:
                    scope.append(name)
                case ["$upscope", "$end"]:
                    scope.pop()
                case ["$var", _, width, code, reference, *_]:
                    name = ".".join([*scope, reference]).partition(f"{TOP}.")[2]
                    if name in signals and name not in traces:
                        traces[name] = Trace(int(width))
                        wanted.setdefault(code, []).append(traces[name])
                case [stamp] if stamp[0] == "#":
                    now = int(stamp[1:])
                    if now > end:
                        break
                case [change] if change[0] in "01xz":
                    _note(wanted, change[1:], now, change[0])
                case [bits, code] if bits[0] == "b":
                    _note(wanted, code, now, bits[1:])
    for name in signals:
        if name not in traces:
            raise CaptwinError(f"{path}: holds no signal {name}")
    return traces


def _note(wanted: dict[str, list[Trace]], code: str, picoseconds: int, bits: str) -> None:
    for trace in wanted.get(code, ()):
        trace.times.append(picoseconds / 1000)
        trace.values.append(int(bits, 2) if set(bits) <= set("01") else None)


def _plot(
    traces: dict[str, Trace], signals: dict[str, str], output: Path, start: float, stop: float, title: str
) -> None:
    """Draws ``signals`` (name -> label) between ``start`` and ``stop`` [ns]: bits as levels, others as values."""
    figure = Figure(figsize=(13, 0.42 * len(signals) + 1.1), layout="constrained")
    axis = figure.add_subplot()
    for place, (name, label) in enumerate(signals.items()):
        base = len(signals) - place
        _draw(axis, traces[name], base, start, stop)
        axis.text(
            start - (stop - start) * 0.008, base + 0.3, label, ha="right", va="center", family="monospace", size=8
        )
    axis.set(
        xlim=(start, stop),
        ylim=(0.6, len(signals) + 1),
        yticks=[],
        xlabel="time [ns], 10 ns a clock cycle",
        title=title,
    )
    for side in ("left", "right", "top"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="x", alpha=0.25)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    write_atomically(output, buffer.getvalue())


def plot_core(path: Path, chip: Chip, output: Path, *, cycles: int) -> None:
    """Draws what a core of ``chip`` does from the first image's first pixels to its result, as PNG.

    ``path`` is the VCD of :func:`sim.rtl.runner.simulate`; the result must come within ``cycles`` clock cycles.
    """
    names = {
        "clk": "clk",
        "rst": "rst",
        "pixels__valid": "pixels valid",
        "pixels__ready": "pixels ready",
        "encoder.spikes__valid": "encoder word valid",
        "encoder.spikes__payload": "encoder word",
        "layer0.events__0__valid": "row event valid",
        "layer0.events__0__payload": "row event",
    }
    for number in range(len(chip.layers)):
        names |= {
            f"layer{number}.sums__valid": f"layer {number} sums valid",
            f"trace{number}__valid": f"layer {number} result valid",
            f"trace{number}__payload": f"layer {number} result",
        }
    names |= {"result__valid": "result valid", "result__payload": "result"}
    traces = read_vcd(path, list(names), cycles)
    start, stop = (_rise(traces[name]) for name in ("pixels__valid", "result__valid"))
    title = f"one inference in the gates: {'-'.join(str(size) for size in chip.sizes)} chip, {chip.encoder.steps} steps"
    _plot(traces, names, output, start - 30, stop + 30, title)


def _rise(trace: Trace) -> float:
    return next(time for time, value in zip(trace.times, trace.values, strict=True) if value)


def _draw(axis: Axes, trace: Trace, base: float, start: float, stop: float) -> None:
    inside = [(time, value) for time, value in zip(trace.times, trace.values, strict=True) if start < time < stop]
    changes = [(start, trace.at(start)), *inside]
    ends = [time for time, _ in changes[1:]] + [stop]
    for (time, value), end in zip(changes, ends, strict=True):
        if trace.width == 1:
            level = base + 0.6 * (value or 0)
            axis.plot([time, end], [level, level], color="tab:green", linewidth=1.2)
            axis.plot([end, end], [base, base + 0.6], color="tab:green", linewidth=0.6 if end < stop else 0)
            continue
        axis.fill_between([time, end], base, base + 0.6, facecolor="0.93", edgecolor="tab:blue", linewidth=0.7)
        if (end - time) > (stop - start) * 0.012 and value is not None:
            axis.text((time + end) / 2, base + 0.28, f"{value}", ha="center", va="center", size=7, clip_on=True)
