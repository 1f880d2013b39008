"""What place and route reached, where the time goes, and how full the device is."""

from captwin.scripts.labels import resource_labels
from captwin.scripts.page.blocks import Cell, Section, Table
from captwin.scripts.page.measured import Measured


def section(measured: Measured) -> Section:
    """Clocks by seed, the slowest path, utilisation."""
    manifest, wanted = measured.built.manifest, measured.clock_hz
    seeds = [
        (
            f"{seed}" + (", kept" if seed == manifest.seed else ""),
            f"{reached / 1e6:.1f}",
            f"{wanted / 1e6:.1f}",
            Cell(f"{100 * (reached / wanted - 1):+.1f} %", bar=min(wanted / reached, 1.0)),
        )
        for seed, reached in sorted(manifest.reached_hz_by_seed.items())
    ]
    logic, routing = (sum(getattr(hop, name) for hop in measured.path) for name in ("logic_ns", "routing_ns"))
    total = logic + routing
    lead = (
        f"The core runs at {wanted / 1e6:g} MHz; place and route reached {manifest.reached_hz / 1e6:.1f} MHz, "
        f"{100 * measured.reserve:.1f} % in reserve. The slowest path takes {total:.2f} ns, "
        f"{100 * routing / total:.0f} % of it routing."
    )
    return Section(
        "timing",
        "Timing and area",
        lead,
        [
            Table(
                ("seed", ">reached [MHz]", ">clock [MHz]", "reserve; period used"),
                seeds,
                "Placements of nextpnr; the fastest is kept.",
            ),
            Table(
                ("hop", "signal", "type", ">cells", ">x, y", ">routing [ns]", ">logic [ns]", "arrival [ns]"),
                _hops(measured),
                f"The slowest path of seed {manifest.seed}, by the names of the registers and signals in the source. "
                "Cells without routing between them (carry chains, wide multiplexers) are one hop.",
            ),
            Table(
                ("resource", ">used", ">of", "share"),
                _resources(measured),
                f"Utilisation of {measured.built.board.title}, self-test included.",
            ),
        ],
    )


def _hops(measured: Measured) -> list[tuple[Cell | str, ...]]:
    rows: list[tuple[Cell | str, ...]] = []
    so_far, period = 0.0, sum(hop.delay_ns for hop in measured.path)
    for number, hop in enumerate(measured.path):
        so_far += hop.delay_ns
        wire = f"{hop.routing_ns:.2f}" if number else ""
        x, y = hop.location
        name = Cell(hop.name, code=True)
        timed = (wire, f"{hop.logic_ns:.2f}", Cell(f"{so_far:.2f}", bar=so_far / period))
        rows.append((f"{number}", name, hop.kind, f"{hop.cells}", f"{x}, {y}", *timed))
    return rows


def _resources(measured: Measured) -> list[tuple[Cell | str, ...]]:
    """One row a resource."""
    rows: list[tuple[Cell | str, ...]] = []
    for label, names in resource_labels(measured.built.board.family).items():
        resource = measured.built.manifest.used.of(names[0])
        use = (
            Cell(f"{100 * resource.used / resource.of:.1f} %", bar=resource.used / resource.of)
            if resource.of
            else "none there"
        )
        rows.append((label, f"{resource.used:,}", f"{resource.of:,}", use))
    return rows
