"""``captwin wires``: the lines of a chip's crossbars, and what they do to its columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from captwin.hw.chip import Chip
from captwin.scripts.conditions import CornerOption, TemperatureOption, put_under
from captwin.scripts.lines import metal_of, parasitic_for
from captwin.scripts.options import PdkOption
from captwin.scripts.quantities import quantity
from captwin.scripts.terminal.activity import warn
from captwin.scripts.terminal.output import JsonFlag, Row, note, progress_told, show
from captwin.sim.devices.crossbar import Crossbar, crossbar_of, missing_room
from captwin.sim.fidelity.compare import chip_bench
from captwin.sim.fidelity.wired import DRIVER_OHMS, WiredLayer, wired_layers
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.spice.benches.leakage import Drift, drift
from captwin.sim.spice.memory import default_cache
from captwin.train.zoo import chip_dataset, load_chip

#: whose metal it is where the neuron's devices are no PDK's
OTHER_METAL = "gf180mcu"


def wires(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    images: Annotated[
        int, typer.Option(min=0, help="How many test images to run through columns with and without resistance.")
    ] = 0,
    neurons: Annotated[int, typer.Option(min=1, help="Neurons of each layer for these, drawn by --seed.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Seed that draws the neurons.")] = 1,
    driver: Annotated[
        float, typer.Option(min=0, max=1e9, help="Resistance of a row line's driver, in ohm.")
    ] = DRIVER_OHMS,
    netlist: Annotated[Path | None, typer.Option(help="The chip's own neuron, if it is no reference circuit.")] = None,
    pdk: PdkOption = None,
    corner: CornerOption = None,
    temperature: TemperatureOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell size, resistance and capacitance of a chip's lines; with --images, whether columns settle, and what leaks.

    The metal is that of the PDK whose devices the neuron is made of, GF180MCU's where they are no PDK's.
    """
    loaded, doubts = put_under(load_chip(chip), corner, temperature, None)
    warn(doubts)
    known = metal_of(loaded, netlist, pdk) or find_pdk(OTHER_METAL)
    bars = [crossbar_of(layer, known.wires) for layer in loaded.layers]
    facts = [_geometry(loaded, number, bar) for number, bar in enumerate(bars)]
    rows = [note("chip", "chip", chip), note("metal", "metal", f"{known.title}")]
    for number, bar in enumerate(bars):
        rows += _lines(number, bar, facts[number])
    if images:
        pixels, _ = chip_dataset(loaded, None).some(images)
        bench, doubts_of_bench = chip_bench(loaded, netlist=netlist, pdk=pdk)
        warn(doubts_of_bench)
        with progress_told() as progress:
            layers = wired_layers(
                loaded,
                bench,
                pixels,
                known.wires,
                neurons=neurons,
                seed=seed,
                driver_ohms=driver,
                cache=default_cache(),
                progress=progress,
            )
        rows += _moved(layers, facts)
        volts = [bench.parameters[name] for name in ("v_min", "v_ref", "v_max")]
        rows += _drifts(volts, [drift(bench, v) for v in volts])
    rows.append(Row("layers", facts, "", ""))
    show(rows, "Lines of the crossbars", as_json)


def _geometry(chip: Chip, number: int, bar: Crossbar) -> dict[str, Any]:
    layer = chip.layers[number]
    return {
        "rows": bar.rows,
        "columns": bar.columns,
        "row_pitch_m": bar.row_pitch,
        "column_pitch_m": bar.column_pitch,
        "row_line": bar.row_line._asdict(),
        "row_wire_f": bar.row_wire,
        "column": bar.column._asdict(),
        "coupling_f": bar.coupling,
        "missing_room_f": missing_room(layer, bar),
        "parasitic": parasitic_for(chip, number, bar),
    }


def _lines(number: int, bar: Crossbar, facts: dict[str, Any]) -> list[Row]:
    row, column, missing = bar.row_line, bar.column, facts["missing_room_f"]
    size = (
        f"{bar.columns} columns of {bar.rows} pairs; a pair is {1e6 * bar.column_pitch:.2f} um wide"
        f" and {1e6 * bar.row_pitch:.2f} um high"
    )
    line = (
        f"{1e6 * bar.columns * bar.column_pitch:.0f} um, {row.ohms:.0f} ohm, {_farads(row.farads)},"
        f" {_farads(bar.row_wire)} a column"
    )
    wire = (
        f"{1e6 * bar.rows * bar.row_pitch:.0f} um, {column.ohms:.0f} ohm, {_farads(column.farads)},"
        f" and {_farads(bar.coupling)} to each neighbour if nothing is between"
    )
    room = f"enough, {_farads(-missing)} to spare"
    if missing > 0:
        room = f"{_farads(missing)} TOO LITTLE; train with parasitic = {facts['parasitic']:g} or more"
    return [
        Row("", None, f"layer {number}", size),
        Row("", None, f"layer {number}: a row line", line),
        Row("", None, f"layer {number}: a column's wire", wire),
        Row("", None, f"layer {number}: room in C_column for it", room),
    ]


def _moved(layers: Sequence[WiredLayer], facts: list[dict[str, Any]]) -> list[Row]:
    rows = []
    for number, layer in enumerate(layers):
        images, every = layer.by_images, layer.by_all_rows
        facts[number] |= {"moved": images._asdict(), "moved_by_all_rows": every._asdict()}
        others, cycles = images.other_spikes + every.other_spikes, images.cycles + every.cycles
        text = (
            f"{1e3 * images.worst:.3f} mV at most, {1e3 * images.rms:.3f} mV RMS;"
            f" {1e3 * every.worst:.3f} mV where every row spikes; {others} of {cycles} spikes are others"
        )
        rows.append(Row("", None, f"layer {number}: resistance moves membranes by", text))
    return rows


def _drifts(volts: Sequence[float], drifts: Sequence[Drift]) -> list[Row]:
    membranes = ", ".join(f"{1e6 * one.membrane:+.2f} uV at {v:.2f} V" for v, one in zip(volts, drifts, strict=True))
    facts = [{"at_v": v} | one._asdict() for v, one in zip(volts, drifts, strict=True)]
    largest = max((one.column for one in drifts), key=abs)
    return [
        Row("drift_v_a_cycle", facts, "a membrane drifts in a cycle by", membranes),
        Row("", None, "a column drifts in a cycle by", f"{1e6 * largest:+.2f} uV"),
    ]


def _farads(farads: float) -> str:
    return quantity(farads, "F", 3)
