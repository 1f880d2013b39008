"""What is not modelled, in the words of ``docs/circuit.md``, to which ``circuit.md`` in this folder is a link."""

import re
from pathlib import Path

from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Note, Points, Section

PAGE, HEADING = Path(__file__).parent / "circuit.md", "Not modelled"


def section(sheet: Sheet) -> Section:
    """The list of the page, and where the rest is told."""
    more = (
        "docs/reference-neurons.md and docs/own-neuron.md: how the circuits are made and measured. docs/fidelity.md: "
        "how closely a chip's integers follow whole columns of transistors. docs/wires.md: what wires and leakage do."
    )
    lead = "Simulated before layout; fabricated by nobody. The models leave out:"
    return Section("limits", "What is not modelled", lead, [Points(not_modelled()), Note(more)])


def not_modelled() -> list[str]:
    """The points of the list below the heading, links and marks taken out."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {HEADING}\n", 1)[1].split("\n## ", 1)[0]
    points = re.findall(r"^\* (.*(?:\n  .*)*)", text, re.MULTILINE)
    return [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(point.split())).replace("`", "") for point in points]
