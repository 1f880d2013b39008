"""How fast the gates are, by running them."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from captwin.hw.gates.kinds import layers_of
from captwin.scripts.page.blocks import Cell, Drawing, Note, Section, Table
from captwin.scripts.page.drawing import drawing
from captwin.scripts.page.measured import Measured
from captwin.sim.plots.style import style


def section(measured: Measured) -> Section:
    """Cycles of the compiled Verilog, what they are at the board's clock, and whether every number was right."""
    gates, clock_hz = measured.gates, measured.clock_hz
    megahertz = f"{clock_hz / 1e6:g} MHz"
    rate, (_, median_s, _) = gates.images_per_s(clock_hz), gates.latency_s(clock_hz)
    lead = f"At {megahertz}, a result comes {1e6 * median_s:.2f} µs after its image's first pixel (median)"
    if rate is not None:
        lead += f", and {rate:,.0f} images/s pass back to back"
    compared = sum(gates.compared.values())
    test_images = len(measured.dataset.test_images)
    which = "all" if gates.images == test_images else f"the first {gates.images:,} of"
    verdict = f"{gates.mismatches:,} mismatches" if gates.mismatches else "0 mismatches"
    return Section(
        "speed",
        "Speed",
        f"{lead}.",
        [
            Note(
                f"The Verilog of this build, compiled, ran {which} {test_images:,} test images. Of {compared:,} sums, "
                f"drives, membranes and spikes, and all results, compared with the golden model: {verdict}.",
                bad=gates.mismatches > 0,
            ),
            Table(
                ("", ">least", ">median", ">mean", ">most"),
                [
                    *_spread("first pixel to result", gates.latency_cycles, clock_hz),
                    *_spread("result to result", gates.interval_cycles, clock_hz),
                ],
                f"Clock cycles, and time at {megahertz}, images back to back.",
            ),
            _histograms(measured),
            Table(
                ("layer", ">rows", ">neurons", ">rows at once", ">neurons at once", ">row events a cycle", "use"),
                _layers(measured),
                "Row events that each layer takes a cycle, of as many as it can take. "
                f"Pixels encoded a cycle: {measured.built.manifest.options.pixel_lanes}.",
            ),
        ],
    )


def _spread(label: str, cycles: np.ndarray, clock_hz: float) -> list[tuple[str, ...]]:
    if not len(cycles):
        return []
    numbers = [float(pick(cycles)) for pick in (np.min, np.median, np.mean, np.max)]
    return [
        (f"{label} [cycles]", *(f"{number:,.{0 if number.is_integer() else 1}f}" for number in numbers)),
        (f"{label} [µs]", *(f"{1e6 * number / clock_hz:,.2f}" for number in numbers)),
    ]


def _layers(measured: Measured) -> list[tuple[Cell | str, ...]]:
    options, chip = measured.built.manifest.options, measured.chip
    kind = layers_of(options)
    most, lanes = kind.rows_at_once(options, chip.sizes), kind.word_lanes(options, chip.sizes)
    rows: list[tuple[Cell | str, ...]] = []
    for number, (layer, rate) in enumerate(zip(chip.layers, measured.gates.events_per_cycle, strict=True)):
        use = rate / most[number]
        shape = (f"{layer.rows}", f"{layer.columns}", f"{most[number]}", f"{lanes[number]}")
        rows.append((f"{number}", *shape, f"{rate:.3f}", Cell(f"{100 * use:.1f} %", bar=use)))
    return rows


def _histograms(measured: Measured) -> Drawing:
    gates = measured.gates
    shown = {"first pixel to result": gates.latency_cycles, "result to result": gates.interval_cycles}
    shown = {name: cycles for name, cycles in shown.items() if len(cycles)}
    with style():
        figure = Figure(figsize=(11, 2.6), layout="constrained")
        for axis, (name, cycles) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
            axis.hist(cycles, bins=_bins(cycles), color="tab:blue")
            # A mark for each image below the axis, so that the few that come early or late show as well.
            marks = {"marker": "|", "color": "0.5", "markersize": 6, "linestyle": "", "clip_on": False}
            axis.plot(cycles, np.full(len(cycles), -0.045), transform=axis.get_xaxis_transform(), **marks)
            median = float(np.median(cycles))
            axis.axvline(median, color="tab:red", linewidth=1.2, linestyle="--")
            axis.set(title=f"{name}, median {median:,.0f}", xlabel="clock cycles", ylabel="images")
            if np.ptp(cycles) < 2:  # as in cores that take as long for every image
                axis.set_xlim(cycles.min() - 1.5, cycles.max() + 1.5)
            axis.tick_params(axis="x", pad=9)
            axis.spines["bottom"].set_visible(False)
            axis.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
            axis.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    caption = (
        "How the cycles of the images spread; a mark below for each image. The first image finds the core idle; those "
        "that follow at once also wait inside for the ones before."
    )
    return drawing(figure, "speed", caption)


def _bins(cycles: np.ndarray) -> list[float]:
    """About forty bins of whole cycles each."""
    least, most = int(cycles.min()), int(cycles.max())
    width = max(1, -(-(most - least + 1) // 40))
    return [edge - 0.5 for edge in range(least, most + width + 1, width)]
