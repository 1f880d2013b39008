"""The neuron in time, as ngspice has it."""

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Note, Section
from captwin.scripts.page.drawing import drawing
from captwin.sim.plots.circuits.transient import draw_cycles, draw_transient
from captwin.sim.plots.style import style
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.ngspice import SpiceError

TITLE = "Transients"


def section(sheet: Sheet) -> Section:
    """A cycle with a spike and one without, and ten cycles; or why they are not drawn."""
    threshold = sheet.verdict.threshold
    bench = "its netlist is not known; name it with --netlist" if sheet.netlist is None else sheet.netlist.bench
    if threshold is None:
        bench = "no drive of the table makes the neuron spike from rest"
    if not isinstance(bench, Bench):
        return _none(bench)
    assert threshold is not None
    least = max(threshold, sheet.table.u[-1] / 20)  # a neuron that fires without drive has cycles to show as well
    try:
        with style():
            figures = draw_cycles(bench, least, sheet.table), draw_transient(bench, least, sheet.table)
    except SpiceError as error:
        return _none(str(error))
    captions = (
        "A column with one row, from rest: on the left the row drives it by less than the threshold, on the right by "
        "more; the next cycle brings no drive. Dots: the membrane that the table foretells for the end of each cycle.",
        "Ten cycles of a column of three rows, which drive it by 0.8, 1.4 and -0.6 times the threshold. Dots: the "
        "membranes that the table foretells, from rest and without looking at ngspice again.",
    )
    at = sheet.places[0].conditions
    return Section(
        "transients",
        TITLE,
        f"Simulated in ngspice at {at.corner}, {at.temperature:g} °C, every row and device apart.",
        [drawing(figure, caption[:12], caption) for figure, caption in zip(figures, captions, strict=True)],
    )


def _none(why: str) -> Section:
    return Section("transients", TITLE, "Not drawn.", [Note(f"No transients: {why}.")])
