"""Words that several verbs and pages use for the same things."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # verbs that need no gates load no HDL
    from captwin.boards.families.family import Family
    from captwin.hw.chip import Analog


def energy_assumptions(analog: "Analog") -> str:
    """What the energy of an inference takes for granted."""
    drivers = "drivers and references as measured of the PDK's transistors"
    if analog.periphery is None:
        drivers = "buffers of a third of their load, no leakage, no references"
    return (
        f"columns held while rows swing, {drivers}, all time steps run; encoder and readout counters left out"
        " (docs/energy.md)"
    )


#: what people call the parts of an energy
PART_LABELS = {
    "rows": "row lines",
    "quiet_rows": "quiet row lines",
    "bias_rows": "bias lines",
    "row_drivers": "drivers of all these lines",
    "neurons": "neurons",
    "clock": "clock wires",
    "clock_drivers": "clock drivers",
    "references": "references",
    "leakage": "leakage of the drivers",
}
#: what is counted of an FPGA, and how it is called
RESOURCES = {"luts": "LUT4", "flip_flops": "flip-flops", "block_rams": "block RAMs", "multipliers": "multipliers"}


def resource_labels(family: "type[Family] | Family") -> dict[str, tuple[str, ...]]:
    """Labels for people, each with the names of RESOURCES that it stands for.

    Where the tools count two of them as one, such as the logic cells of an iCE40, which hold a LUT4 and a flip-flop
    each, they share a label, since they share the cells and the number.
    """
    shared: dict[str, list[str]] = {}
    for name in RESOURCES:
        shared.setdefault(family.resources[name], []).append(name)
    return {
        RESOURCES[names[0]]
        if len(names) == 1
        else "logic cells, each " + " and ".join(RESOURCES[name].removesuffix("s") for name in names): tuple(names)
        for names in shared.values()
    }
