"""The circuit over process corners and temperatures."""

from collections.abc import Sequence

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Cell, Section, Table
from captwin.scripts.page.drawing import drawing
from captwin.scripts.quantities import energy_text
from captwin.sim.corners import CircuitAt
from captwin.sim.plots.circuits.corners import Panel
from captwin.sim.plots.circuits.surfaces import draw_thresholds
from captwin.sim.plots.style import style


def threshold_panel(places: Sequence[CircuitAt]) -> Panel:
    """The drive at which the resting neuron fires."""
    return Panel("firing drive at rest [mV]", [at.verdict.threshold for at in places], _millivolts, "never")


def circuit_panels(places: Sequence[CircuitAt]) -> list[Panel]:
    """What a designer looks at first."""
    return [
        threshold_panel(places),
        Panel("after a spike [mV]", [at.verdict.threshold_after_spike for at in places], _millivolts, "never"),
        Panel("leak [%]", [at.verdict.leak for at in places], _percent),
        Panel("shift at rest [mV]", [at.verdict.rest_shift for at in places], _millivolts),
        Panel("reset leaves [%]", [at.verdict.reset_left for at in places], _percent),
        Panel("rest [mV]", [at.table.v_rest for at in places], _millivolts),
        Panel("energy of a cycle", [at.energy for at in places], energy_text, "unknown"),
    ]


def section(sheet: Sheet) -> Section:
    """Threshold curves under all conditions that there are tables for, and a row of figures for each."""
    places = sheet.places
    with style():
        figure = draw_thresholds([at.table for at in places])
    caption = (
        "Least drive that makes a spike, by the membrane before the cycle, counted from rest: the circuit's own table "
        "above, below how far the other conditions are from it. A curve ends where no drive of the table makes a spike."
        if len(places) > 1
        else "Least drive that makes a spike, by the membrane before the cycle, counted from rest."
    )
    panels = circuit_panels(places)
    head = ("conditions", *(f">{panel.title}" for panel in panels))
    rows = [
        (f"{at.conditions.corner}, {at.conditions.temperature:g} °C", *(_cell(panel, number) for panel in panels))
        for number, at in enumerate(places)
    ]
    table = Table(head, rows, "By conditions, the circuit's own table first; the larger, the darker.")
    return Section(
        "thresholds", "Thresholds and corners", _lead(places), [drawing(figure, "thresholds", caption), table]
    )


def _lead(places: Sequence[CircuitAt]) -> str:
    drives = [at.verdict.threshold for at in places if at.verdict.threshold is not None]
    if len(places) == 1:
        at = places[0].conditions
        return f"Measured at {at.corner}, {at.temperature:g} °C alone; captwin characterize --corners adds others."
    if not drives:
        return "No drive of any table makes the resting neuron fire."
    most = max(at.table.u[-1] for at in places)
    return (
        f"Under {len(places)} conditions the resting neuron fires at {1e3 * min(drives):.1f} to "
        f"{1e3 * max(drives):.1f} mV, of a drive range up to {1e3 * most:.0f} mV."
    )


def _cell(panel: Panel, number: int) -> Cell | str:
    value, known = panel.values[number], [each for each in panel.values if each is not None]
    if value is None:
        return panel.missing
    if len(known) < 2 or max(known) == min(known):
        return panel.text(value)
    return Cell(panel.text(value), heat=0.02 + 0.5 * (value - min(known)) / (max(known) - min(known)))


def _percent(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:.1f}"  # there is one zero


def _millivolts(value: float) -> str:
    return f"{round(1e3 * value, 1) + 0.0:.1f}"
