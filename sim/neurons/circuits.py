"""The reference circuits: their committed neuron tables, and the ideal neuron that each of them is judged by."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from captwin.hw.chip import Analog, Chip, Formats, Layer
from captwin.hw.quantities import LEAST_SPAN
from captwin.hw.support.digest import sha256_of
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import NAME_LENGTH
from captwin.sim.devices.crossbar import crossbar_of
from captwin.sim.neurons.conditions import SUFFIX, Conditions, folder_of, listed, other_tables
from captwin.sim.neurons.direct import direct_like
from captwin.sim.neurons.library import Library
from captwin.sim.neurons.quantise import QuantisedNeuron, quantise
from captwin.sim.neurons.table import NeuronTable, TableError
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.periphery.circuit_file import find_periphery

#: fields of :class:`~captwin.hw.chip.Analog` for what is around the neurons, and their values where it was not measured
AROUND = ("row_wires", "clock_wire", "periphery")
ASSUMED_AROUND: dict[str, Any] = {entry.name: entry.default for entry in fields(Analog) if entry.name in AROUND}
#: of the reference circuits
TABLES = Library(Path(__file__).parent / "tables", SUFFIX)


def circuit_names() -> list[str]:
    """The reference circuits, whose tables come with Captwin."""
    return TABLES.names()


def load_circuit(name_or_path: str, corner: str | None = None, temperature: float | None = None) -> NeuronTable:
    """The table of a reference circuit by its name, the table file at a path, or ``FOLDER/NAME``: the table of the
    circuit NAME in a folder of tables.

    ``corner`` and ``temperature`` [deg C] ask for the same circuit under other conditions than that table's own; what
    is not given is as it is there. :func:`circuit_conditions` tells which there are. Raises :class:`CaptwinError` if
    there is no such table.

    >>> captwin.load_circuit("charge_share").corner
    'tt'
    """
    path = _table_file(name_or_path)
    table = NeuronTable.load(path)
    wanted = Conditions(
        table.corner if corner is None else corner, table.temperature if temperature is None else temperature
    )
    if wanted == conditions_of(table):
        return replace(table, around=find_periphery(path, table.circuit, wanted))
    others = other_tables(path)
    if wanted not in others:
        known = listed([conditions_of(table), *others])
        raise CaptwinError(
            f"{name_or_path}: no table for {wanted}; there are {known};"
            f" captwin characterize measures more into the folder {folder_of(path).name}"
        )
    other = NeuronTable.load(others[wanted])
    if (other.circuit, conditions_of(other)) != (table.circuit, wanted):
        raise CaptwinError(
            f"{others[wanted]}: holds {other.circuit} at {conditions_of(other)}; its name and place promise"
            f" {table.circuit} at {wanted}"
        )
    return replace(other, around=find_periphery(path, table.circuit, wanted))


def conditions_of(table: NeuronTable) -> Conditions:
    """Under what conditions ``table`` was measured."""
    return Conditions(table.corner, table.temperature)


def analog_of(table: NeuronTable, v_read: float | None = None) -> Analog:
    """What a chip file says of the circuit of ``table``; ``v_read`` is the V of the rows' swing, by default the
    table's."""
    return Analog(
        circuit=table.circuit,
        corner=table.corner,
        temperature=table.temperature,
        table_sha256=table.circuit_sha256,
        supply=table.supply,
        v_read=table.v_read if v_read is None else v_read,
        c_membrane=table.c_membrane,
    )


def circuit_conditions(name_or_path: str) -> tuple[Conditions, ...]:
    """The conditions that there are tables for of the circuit that :func:`load_circuit` finds: first that of its own
    table, then the others by corner and temperature.

    >>> captwin.circuit_conditions("charge_share")[0].name
    'tt_27'
    """
    path = _table_file(name_or_path)
    own = conditions_of(NeuronTable.load(path))
    return own, *(other for other in other_tables(path) if other != own)


def _table_file(name_or_path: str) -> Path:
    path = TABLES.find(name_or_path) or Path(name_or_path)
    # Beside a table there may be a folder of the same name, with those of other conditions.
    in_folder = None if path.is_file() else Library(path.parent, TABLES.suffix).find(path.name)
    if in_folder is None and not path.exists():
        known = ", ".join(circuit_names())
        raise CaptwinError(f"circuit: no table file {name_or_path!r}, nor a reference circuit; those are {known}")
    return in_folder or path


def ideal_surfaces(table: NeuronTable) -> np.ndarray:
    """(2, Nv, Nu) V: membranes after a cycle of ideal charge sharing between the capacitances of ``table``, and
    after a spike from exactly rest; on the axes of ``table``."""
    return np.asarray(table.v_rest + _left_by_sharing(table)[:, :, None] + table.share * table.u)


def _left_by_sharing(table: NeuronTable) -> np.ndarray:
    """(2, Nv) V above rest that charge sharing leaves of the membrane, and an exact reset."""
    return np.stack([(1 - table.share) * (table.v - table.v_rest), np.zeros_like(table.v)])


def ideal_twin(table: NeuronTable) -> NeuronTable:
    """The perfect leaky integrate-and-fire neuron that a designer would take ``table``'s circuit for, on its axes.

    The membrane follows the first-order equation of charge sharing with the circuit's two capacitances, fires at rest
    at the same drive as the circuit, at every other membrane and after a spike where it reaches the same level, and is
    reset to rest exactly. It has no energy. Raises :class:`TableError` if the circuit cannot fire from rest.
    """
    least = table.firing_drive - _left_by_sharing(table) / table.share
    return NeuronTable(
        circuit=f"ideal twin of {table.circuit}"[:NAME_LENGTH].rstrip(),
        corner=table.corner,
        temperature=table.temperature,
        supply=table.supply,
        date=table.date,
        source_sha256=sha256_of(["ideal twin", table.circuit_sha256]),
        c_column=table.c_column,
        c_membrane=table.c_membrane,
        v_rest=table.v_rest,
        v_read=table.v_read,
        v=table.v,
        u=table.u,
        surfaces=ideal_surfaces(table),
        thresholds=np.where(least > table.u[-1], np.inf, np.maximum(least, table.u[0])),
    )


def table_of(chip: Chip) -> NeuronTable | None:
    """The table that ``chip``'s neurons were quantised from: a reference circuit's or its ideal twin's, else None."""
    analog = chip.analog
    for name in circuit_names():
        if Conditions(analog.corner, analog.temperature) not in circuit_conditions(name):
            continue
        reference = load_circuit(name, analog.corner, analog.temperature)
        tables = [reference]
        with suppress(TableError):  # a neuron that cannot fire has no ideal twin
            tables.append(ideal_twin(reference))
        for table in tables:
            if table.circuit_sha256 == analog.table_sha256:
                return table
    return None


def under_conditions(
    chip: Chip, corner: str | None = None, temperature: float | None = None, *, circuit: str | None = None
) -> Chip:
    """``chip`` at another process corner or temperature [deg C]: its capacitors, on its circuit's table for there.

    ``circuit`` is what :func:`load_circuit` takes; it is needed if the chip's is no reference circuit, and may be
    another circuit. What is not given of the conditions is as in the circuit's own table. Raises
    :class:`CaptwinError` if there is no such table, or none that the chip can run on.

    >>> captwin.under_conditions(captwin.load_chip("digits"), "tt", 27.0).analog.corner
    'tt'
    """
    return on_circuit(chip, load_circuit(circuit_of(chip, circuit), corner, temperature))


def circuit_of(chip: Chip, circuit: str | None = None) -> str:
    """``circuit`` if it is given, else the name of the reference circuit that ``chip`` was made for.

    Raises :class:`CaptwinError` if that is none.
    """
    if circuit is None and chip.analog.circuit not in circuit_names():
        raise CaptwinError(
            f"chip: made for {chip.analog.circuit}, which is no reference circuit; name its neuron table, the file or"
            f" FOLDER/NAME (--circuit), or one of {', '.join(circuit_names())}"
        )
    return circuit or chip.analog.circuit


def on_circuit(chip: Chip, table: NeuronTable) -> Chip:
    """``chip`` with the neurons of ``table`` in place of its own: the same capacitors, another circuit.

    Membrane codes mean what the table says: from one corner to another its rest may move, and its v axis with it. The
    drives keep their codes, which the chip's gains make. Raises :class:`CaptwinError` unless the table's drives are
    those that these codes stand for.
    """
    neurons = [_neuron_for(layer, f"layers.{number}", chip.formats, table) for number, layer in enumerate(chip.layers)]
    return replace(
        chip,
        layers=tuple(
            replace(
                layer,
                rest=neuron.rest,
                scale=replace(layer.scale, v_min=neuron.scale.v_min, v_max=neuron.scale.v_max),
                surfaces=neuron.surfaces.copy(),
                thresholds=neuron.thresholds.copy(),
                energy=None if neuron.energy is None else neuron.energy.copy(),
            )
            for layer, neuron in zip(chip.layers, neurons, strict=True)
        ),
        analog=replace(
            chip.analog,
            circuit=table.circuit,
            corner=table.corner,
            temperature=table.temperature,
            table_sha256=table.circuit_sha256,
            supply=table.supply,
            c_membrane=table.c_membrane,
            **around_neurons(table, chip.analog.v_read, chip.layers),
        ),
    )


def _neuron_for(layer: Layer, where: str, formats: Formats, table: NeuronTable) -> QuantisedNeuron:
    """The neuron of ``table`` for ``layer``, whose drives keep their codes. A layer that needs no interpolation has
    axes of its own, which any table is read at; every other has those of its table."""
    direct = direct_like(layer, formats, table)
    if direct is not None:
        return direct
    neuron = quantise(table, formats)
    ours, theirs = ((scale.u_min, scale.u_max) for scale in (layer.scale, neuron.scale))
    if not np.allclose(ours, theirs, rtol=0, atol=LEAST_SPAN):
        raise CaptwinError(
            f"{where}: its drives go from {ours[0]:g} to {ours[1]:g} V, those of the table of"
            f" {table.circuit} from {theirs[0]:g} to {theirs[1]:g} V; a chip runs on another table only if their"
            " u axes are the same"
        )
    return neuron


def around_neurons(table: NeuronTable, v_read: float, layers: Sequence[Layer]) -> dict[str, Any]:
    """What a chip file says of what is around its neurons, which are those of ``table``, with the crossbars of
    ``layers``, whose rows swing by ``v_read`` V: by names of fields of :class:`~captwin.hw.chip.Analog`.

    Rows that swing by more than the circuit's have drivers that were not measured: then nothing is said, and what
    ``docs/energy.md`` assumes counts. Those of a smaller swing draw no more than measured.
    """
    around = table.around
    if around is None or v_read > around.v_read + 1e-6:
        return ASSUMED_AROUND
    bars = [crossbar_of(layer, find_pdk(around.pdk).wires) for layer in layers]
    rows = tuple(float(f"{bar.row_wire:.4e}") for bar in bars)
    return {"row_wires": rows, "clock_wire": around.clock_wire, "periphery": around.periphery}
