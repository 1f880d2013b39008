"""What a cycle does to the membrane."""

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Block, Note, Section, Table
from captwin.scripts.page.drawing import drawing
from captwin.scripts.terminal.verdict import held_out_rows, verdict_rows
from captwin.sim.plots.circuits.surfaces import draw_surfaces
from captwin.sim.plots.style import style


def section(sheet: Sheet) -> Section:
    """Maps of the membrane after a cycle, and the verdict on the table in figures."""
    table = sheet.table
    with style():
        figure = draw_surfaces(table)
    caption = (
        "Membrane after a cycle, by the membrane before it and the drive; red: the least drive that makes a spike."
    )
    if table.by_outcome:
        caption += " Either outcome has a surface of its own; it is pale where the other outcome holds."
    surfaces = "four surfaces, by outcome" if table.by_outcome else "two surfaces"
    lead = (
        f"{len(table.v)} membranes x {len(table.u)} drives at {table.corner}, {table.temperature:g} °C and "
        f"{table.supply:g} V; {surfaces}, bilinear in between."
    )
    told = [*verdict_rows(sheet.verdict), *(held_out_rows(sheet.check) if sheet.check else [])]
    rows = [(row.label, row.text) for row in told if row.label and row.label != "warning"]
    blocks: list[Block] = [drawing(figure, "surfaces", caption), Table(("figure", "value"), rows)]
    blocks += [Note(f"Warning: {warning}.") for warning in sheet.verdict.warnings]
    return Section("surfaces", "Surfaces", lead, blocks)
