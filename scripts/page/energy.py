"""What an inference costs on the analog chip, term by term."""

from collections.abc import Sequence

import numpy as np

from captwin.scripts.labels import PART_LABELS, energy_assumptions
from captwin.scripts.page.blocks import Cell, Note, Section, Table
from captwin.scripts.page.measured import Measured
from captwin.scripts.quantities import energy_text
from captwin.sim.energy import PARTS

TITLE = "Energy"


def section(measured: Measured) -> Section:
    """Terms and layers, least, mean and most over the test set; or why that cannot be told."""
    report = measured.energy
    if isinstance(report, str):
        return Section("energy", TITLE, "Unknown for this chip.", [Note(report)])
    total = report.total
    parts, layers = report.joules.sum(axis=1), report.joules.sum(axis=2)
    head = (">least", ">mean", ">most", "share of the mean")
    in_all = _rows(["total"], total[:, None], total)
    by_term = [*_rows([PART_LABELS[part] for part in PARTS], parts, total), *in_all]
    by_layer = _rows([f"{number}" for number in range(layers.shape[1])], layers, total)
    lead = (
        f"An inference on the analog chip takes {energy_text(total.mean())} on average, "
        f"{energy_text(total.min())} to {energy_text(total.max())} "
        f"from image to image; {energy_text(report.per_synaptic_event)} a synaptic event."
    )
    notes = [
        Note(f"A model, not a measurement: {energy_assumptions(measured.chip.analog)}."),
        Note("It is the energy of the analog chip. What the FPGA draws that emulates it has nothing to do with it."),
    ]
    tables = [Table(("term", *head), by_term, f"Over {report.images:,} test images.")]
    if len(by_layer) > 1:
        tables.append(Table(("layer", *head), by_layer))
    return Section("energy", TITLE, lead, [*tables, *notes])


def _rows(labels: Sequence[str], joules: np.ndarray, total: np.ndarray) -> list[tuple[Cell | str, ...]]:
    """One row for each column of ``joules``, (images, columns)."""
    rows: list[tuple[Cell | str, ...]] = []
    for label, values in zip(labels, joules.T, strict=True):
        share = float(values.mean() / total.mean())
        numbers = (energy_text(float(number)) for number in (values.min(), values.mean(), values.max()))
        rows.append((label, *numbers, Cell(f"{100 * share:.1f} %", bar=share)))
    return rows
