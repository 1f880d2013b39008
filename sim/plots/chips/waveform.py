"""Draws the waveform of an inference, from the VCD that a simulation left, for reports and documents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.verilog import TOP
from captwin.sim.plots.style import save_png

CLOCK_PS = 10_000  # the testbench's clock; it rises at multiples of this


def read_vcd(path: Path, signals: list[str], cycles: int) -> dict[str, list[int | None]]:
    """The value of each of ``signals`` at the end of each of the first ``cycles`` clock cycles; None where unknown.

    Signals are named from the design's top on: ``layer0.events.events__0__valid``. Raises :class:`CaptwinError` if
    one of them is not in the VCD.
    """
    traces: dict[str, list[int | None]] = {}
    wanted: dict[str, list[list[int | None]]] = {}
    scope: list[str] = []
    latest: dict[str, int | None] = {}

    def fill(until: int) -> None:
        for code, columns in wanted.items():
            for column in columns:
                column.extend([latest.get(code)] * (until - len(column)))

    with path.open(errors="replace") as file:
        for line in file:
            match line.split():
                case ["$scope", _, name, "$end"]:
                    scope.append(name)
                case ["$upscope", "$end"]:
                    scope.pop()
                case ["$var", _, _, code, reference, *_]:
                    name = ".".join([*scope, reference]).partition(f"{TOP}.")[2]
                    if name in signals and name not in traces:
                        traces[name] = []
                        wanted.setdefault(code, []).append(traces[name])
                case [stamp] if stamp[0] == "#":
                    cycle = int(stamp[1:]) // CLOCK_PS
                    fill(min(cycle, cycles))
                    if cycle >= cycles:
                        break
                case [change] if change[0] in "01xz":
                    latest[change[1:]] = _number(change[0])
                case [bits, code] if bits[0] == "b":
                    latest[code] = _number(bits[1:])
    for name in signals:
        if name not in traces:
            raise CaptwinError(f"{path}: holds no signal {name}")
    return traces


def _number(bits: str) -> int | None:
    return int(bits, 2) if set(bits) <= set("01") else None


@dataclass(frozen=True)
class _Row:
    """One line of the picture: a bit, or a stream whose payload shows while it is valid."""

    label: str
    signal: str
    payload: str | None = None
    text: Callable[[int], str] = str


def plot_core(path: Path, chip: Chip, output: Path, *, lanes: Sequence[int], cycles: int) -> None:
    """Draws what a core of ``chip`` does from the first image's first pixels to its result, and its start enlarged.

    ``path`` is the VCD of :func:`simulate`, whose result must come within ``cycles`` clock cycles;
    ``lanes`` are those of the core's layers. The picture is a PNG.
    """
    row_bits = (max(chip.pixels, 2) - 1).bit_length()
    rows = [
        _Row("pixels valid", "pixels__valid"),
        _Row("pixels ready", "pixels__ready"),
        _Row("row events", "layer0.events__0__valid", "layer0.events__0__payload", lambda event: _row(event, row_bits)),
    ]
    for n in range(len(chip.layers)):
        rows += [
            _Row(f"layer {n}: sums valid", f"layer{n}.sums__valid"),
            _Row(
                f"layer {n}: spikes",
                f"trace{n}__valid",
                f"trace{n}__payload",
                partial(_spikes, lanes[n]),
            ),
        ]
    label_bits = (max(chip.classes, 2) - 1).bit_length()
    rows.append(_Row("result: class", "result__valid", "result__payload", lambda word: str(word % (1 << label_bits))))

    names = [name for row in rows for name in (row.signal, row.payload) if name]
    traces = read_vcd(path, names, cycles)
    start = _first(traces["pixels__valid"]) - 2
    stop = min(_first(traces["result__valid"]) + 3, len(traces["result__valid"]))
    figure = Figure(figsize=(13, 2 * (0.36 * len(rows) + 0.9)), layout="constrained")
    whole, part = figure.subplots(2, 1)
    sizes = "-".join(str(size) for size in chip.sizes)
    _plot(whole, traces, rows, start, stop)
    whole.set_title(f"one inference in the gates: {sizes} chip, {chip.encoder.steps} time steps")
    _plot(part, traces, rows, start, min(start + 80, stop))
    part.set_title("its start: row numbers, and spikes of the neurons of a word (hexadecimal)")
    part.set_xlabel("clock cycle (10 ns)")
    save_png(figure, output)


def _row(event: int, bits: int) -> str:
    """The row number of an event beat; a dash if the beat only ends a step."""
    return str(event % (1 << bits)) if event >> bits & 1 else "-"


def _spikes(lanes: int, word: int) -> str:
    """The spikes of a trace word, hexadecimal."""
    return f"{word % (1 << lanes):x}"


def _first(column: list[int | None]) -> int:
    return next(cycle for cycle, value in enumerate(column) if value)


def _plot(axis: Axes, traces: dict[str, list[int | None]], rows: list[_Row], start: int, stop: int) -> None:
    for place, row in enumerate(reversed(rows)):
        level = [value or 0 for value in traces[row.signal][start:stop]]
        if row.payload is None:
            axis.stairs(place + 0.62 * np.array(level), range(start, stop + 1), baseline=None, color="tab:green")
            continue
        axis.plot([start, stop], [place + 0.31, place + 0.31], color="0.8", linewidth=0.8, zorder=1)
        for cycle, valid in enumerate(level, start):
            value = traces[row.payload][cycle]
            if valid and value is not None:
                axis.fill_between(
                    [cycle, cycle + 1], place, place + 0.62, facecolor="#dbe9f6", edgecolor="tab:blue", lw=0.5
                )
                if stop - start < 120 or row.signal == "result__valid":
                    axis.text(cycle + 0.5, place + 0.29, row.text(value), ha="center", va="center", size=7)
    axis.set(xlim=(start, stop), ylim=(-0.3, len(rows)))
    axis.set_yticks([place + 0.31 for place in range(len(rows))], [row.label for row in reversed(rows)])
    axis.tick_params(axis="y", length=0)
    for side in ("left", "right", "top"):
        axis.spines[side].set_visible(False)
    axis.grid(axis="x", alpha=0.3)
