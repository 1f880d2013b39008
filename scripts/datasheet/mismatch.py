"""How the neurons of a chip differ."""

import numpy as np

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Note, Section
from captwin.scripts.page.drawing import drawing
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.plots.circuits.mismatch import draw_mismatch
from captwin.sim.plots.style import style

TITLE = "Mismatch"


def section(sheet: Sheet) -> Section:
    """Histograms over sampled neurons; or how to get some."""
    model = sheet.mismatch
    if model is None:
        return Section("mismatch", TITLE, "Not measured.", [Note(_advice(sheet))])
    with style():
        figure = draw_mismatch(model)
    threshold = 1e3 * float(np.sqrt(model.covariance.diagonal())[list(NUMBERS).index("from_rest")])
    lead = (
        f"The threshold from rest spreads by {threshold:.1f} mV of drive from neuron to neuron (standard deviation of "
        f"{len(model.neurons)} neurons, drawn by the mismatch statistics of {model.pdk} at {model.temperature:g} °C)."
    )
    caption = (
        "Sampled neurons, each measured in ngspice, less a typical one (dashed); above, mean ± standard deviation. "
        "Orange: the normal distribution from which captwin fabricate draws others."
    )
    kept = (
        f"One offset a neuron keeps {100 * model.thresholds_kept:.0f} % of the variance of the threshold curves. "
        f"Membranes are off by {1e3 * model.membranes_rms:.2f} mV RMS after a cycle; injection, gain, leak and reset "
        f"keep {100 * model.membranes_kept:.0f} % of their variance. Seed {model.seed}. Neurons without a threshold in "
        f"their range, which are in none of these figures: {model.lost}."
    )
    return Section("mismatch", TITLE, lead, [drawing(figure, "mismatch", caption), Note(kept)])


def _advice(sheet: Sheet) -> str:
    netlist = sheet.netlist
    if netlist is not None and netlist.pdk is None:
        return "Its devices are of no PDK, so they have no statistics to draw neurons from."
    if netlist is not None and netlist.pdk and not netlist.pdk.states_mismatch:
        return f"The device models of {netlist.pdk.name} that Captwin reads state no mismatch to draw neurons by."
    own = f" --netlist {netlist.path.name} --pdk {netlist.devices}" if netlist and not netlist.is_ours else ""
    return (
        f"captwin mismatch {sheet.table.circuit}{own} -o mismatch.json samples neurons in ngspice; --mismatch"
        " mismatch.json then shows them here."
    )
