"""The whole datasheet."""

import numpy as np

from captwin.scripts.datasheet import (
    corners,
    energy,
    limits,
    mismatch,
    noise,
    provenance,
    schematic,
    surfaces,
    transients,
)
from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.render import render
from captwin.scripts.quantities import energy_text, quantity
from captwin.sim.spice.benches.bench_file import row_clock

SECTIONS = (schematic, transients, surfaces, corners, mismatch, energy, noise, limits, provenance)
MAKER = "captwin datasheet"


def page(sheet: Sheet) -> str:
    """One HTML page that needs nothing else; the same files give the same bytes."""
    return render(
        f"{sheet.table.circuit}: datasheet",
        _verdict(sheet),
        _figures(sheet),
        [module.section(sheet) for module in SECTIONS],
        maker=f"{MAKER} {sheet.table.circuit}",
        alarm=_alarm(sheet),
    )


def _alarm(sheet: Sheet) -> tuple[str, str] | None:
    """What is badly wrong with the circuit, or with its table."""
    if fatal := sheet.verdict.fatal:
        return "No network can work on this neuron.", f"It {fatal}."
    if sheet.same_source is False:
        return "The table is not of this netlist.", provenance.OTHER_SOURCE
    return None


def _verdict(sheet: Sheet) -> str:
    """The circuit in one sentence."""
    table, netlist = sheet.table, sheet.netlist
    made = f"{netlist.transistors} transistors ({netlist.devices_text})" if netlist else "a neuron table"
    hashes = f"table {table.circuit_sha256[:12]}, measured {table.date}"
    return f"A spiking neuron for a memcapacitor column: {made}; {hashes}."


def _figures(sheet: Sheet) -> list[tuple[str, str, str, str]]:
    """The key figures: label, value, unit, and what about them."""
    table, netlist, verdict = sheet.table, sheet.netlist, sheet.verdict
    where = f"{table.corner}, {table.temperature:g} °C"
    figures = []
    if netlist:
        figures.append(("process", netlist.pdk.name if netlist.pdk else "own cards", "", netlist.devices_text))
    figures += [
        ("supply", f"{table.supply:g}", "V", f"rows swing by {table.v_read:g} V; rest at {table.v_rest:.3f} V"),
        ("cycle", f"{1e9 * row_clock().period:g}", "ns", "two phases: precharge and reset, then transfer"),
    ]
    if netlist:
        figures.append(("transistors", f"{netlist.transistors}", "", "of the neuron; capacitors not counted"))
    column, membrane = (quantity(farads, "F", 3).partition(" ")[::2] for farads in (table.c_column, table.c_membrane))
    figures += [
        ("membrane", *membrane, f"{100 * table.share:.0f} % of a drive arrives, if shared ideally"),
        ("column", *column, "all that hangs on the wire"),
    ]
    drives = [at.verdict.threshold for at in sheet.places if at.verdict.threshold is not None]
    if verdict.threshold is not None:
        spread = f"; {1e3 * min(drives):.1f} to {1e3 * max(drives):.1f} over {len(sheet.places)} conditions"
        about = f"from rest, {where}{spread if len(drives) > 1 else ''}"
        figures.append(("firing drive", f"{1e3 * verdict.threshold:.1f}", "mV", about))
    figures.append(("leak", f"{100 * verdict.leak:.1f}", "%", "of the membrane, in a silent cycle"))
    if table.energy is not None:
        least, middle, most = (energy_text(float(joules)) for joules in np.quantile(table.energy, [0, 0.5, 1]))
        figures.append(("energy a cycle", *middle.partition(" ")[::2], f"median, {where}; {least} to {most}"))
    figures.append(
        (
            "noise",
            f"{1e6 * noise.membrane_noise(sheet):.0f}",
            "µV",
            f"RMS at the membrane, kT/C, {table.temperature:g} °C",
        )
    )
    return figures
