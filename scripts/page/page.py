"""The whole page."""

from captwin.scripts.page import accuracy, energy, inference, neuron, provenance, speed, timing
from captwin.scripts.page.measured import Measured
from captwin.scripts.page.render import render
from captwin.scripts.quantities import energy_text

SECTIONS = (accuracy, speed, timing, neuron, inference, energy, provenance)


def page(measured: Measured) -> str:
    """One HTML page that needs nothing else; the same measurements give the same bytes."""
    divergence = measured.gates.first_divergence
    return render(
        f"{measured.name} on {measured.built.board.title}",
        verdict(measured),
        _figures(measured),
        [module.section(measured) for module in SECTIONS],
        alarm=(
            "The gates differ from the golden model.",
            f"{measured.gates.mismatches:,} numbers differ; the first: {divergence}",
        )
        if divergence
        else None,
        maker="captwin report",
    )


def verdict(measured: Measured) -> str:
    """The build in one sentence."""
    gates, manifest = measured.gates, measured.built.manifest
    rate, (_, median_s, _) = gates.images_per_s(measured.clock_hz), gates.latency_s(measured.clock_hz)
    speed = f", {rate:,.0f} images/s" if rate is not None else ""
    equal = "agree with" if not gates.mismatches else "do not agree with"
    reserve = f"place and route reached {manifest.reached_hz / 1e6:.1f} MHz, {100 * measured.reserve:.1f} % in reserve"
    return (
        f"{100 * measured.accuracy:.2f} % of {len(measured.dataset.test_labels):,} {measured.dataset.name} test images "
        f"classified correctly{speed} and {1e6 * median_s:.2f} µs latency at {measured.clock_hz / 1e6:g} MHz "
        f"({reserve}); the gates {equal} the golden model in "
        f"{'every number' if not gates.mismatches else 'all numbers'} of {gates.images:,} images."
    )


def _figures(measured: Measured) -> list[tuple[str, str, str, str]]:
    """The key figures: label, value, unit, and what about them."""
    gates, manifest, clock_hz = measured.gates, measured.built.manifest, measured.clock_hz
    rate, (least_s, median_s, most_s) = gates.images_per_s(clock_hz), gates.latency_s(clock_hz)
    figures = [
        ("accuracy", f"{100 * measured.accuracy:.2f}", "%", f"golden model, {len(measured.golden.labels):,} images")
    ]
    if rate is not None:
        figures.append(("throughput", f"{rate:,.0f}", "/s", "images, back to back"))
    figures += [
        ("latency", f"{1e6 * median_s:.2f}", "µs", f"median; {1e6 * least_s:.2f} to {1e6 * most_s:.2f}"),
        (
            "clock",
            f"{clock_hz / 1e6:g}",
            "MHz",
            f"reserve {100 * measured.reserve:.1f} %: {manifest.reached_hz / 1e6:.1f} MHz reached",
        ),
    ]
    if not isinstance(measured.energy, str):
        number, unit = energy_text(measured.energy.total.mean()).split()
        figures.append(("energy", number, unit, "an inference, the analog chip's"))
    return figures
