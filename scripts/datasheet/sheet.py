"""All that a datasheet tells of, brought together once."""

from dataclasses import dataclass, replace
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.progress import Progress, silent
from captwin.hw.support.tools import find_tool
from captwin.scripts.inspection.inspection import Kind, kind_of
from captwin.sim.corners import CircuitAt, circuit_corners
from captwin.sim.mismatch.model import Mismatch
from captwin.sim.mismatch.model_file import model_in
from captwin.sim.neurons.circuits import conditions_of
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.neurons.verdict import Verdict
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.pdk import Pdk
from captwin.sim.pdk.place import advice, find_place
from captwin.sim.schematic.elements import (
    Subcircuit,
    count_transistors,
    read_subcircuits,
    size_expressions,
    with_numbers,
)
from captwin.sim.spice.benches.bench import (
    MODELS,
    NETLISTS,
    SPICE_CIRCUITS,
    Bench,
    find_devices,
    find_netlist,
    open_bench,
)
from captwin.sim.spice.characterize import HeldOut, held_out
from captwin.sim.spice.netlist import evaluate
from captwin.sim.spice.ngspice import ADVICE
from captwin.sim.spice.source import Source, read_source

#: draws the fresh cycles
SEED = 1


@dataclass(frozen=True, eq=False)
class Netlist:
    """The netlist of the circuit, and the bench that it stands on."""

    path: Path
    source: Source
    devices: str | Path  #: what it is made of: the name of a PDK, or a file
    subcircuits: dict[str, Subcircuit]  #: sizes that are expressions as numbers, where ngspice is at hand
    bench: Bench | str  #: under the conditions of the circuit's own table; or what is missing for it

    @property
    def pdk(self) -> Pdk | None:
        """The foundry's PDK that it is made of, if it is."""
        return find_pdk(self.devices) if isinstance(self.devices, str) else None

    @property
    def is_ours(self) -> bool:
        """Whether it comes with Captwin."""
        return self.path.is_relative_to(NETLISTS)

    @property
    def transistors(self) -> int:
        """Of the neuron; one that is only a capacitor does not count."""
        return count_transistors(self.subcircuits)

    @property
    def devices_text(self) -> str:
        """What it is made of, in words."""
        if self.pdk:
            return self.pdk.title
        return "level-1 cards of Captwin's own" if self.devices == MODELS else f"devices of {Path(self.devices).name}"


@dataclass(frozen=True, eq=False)
class Sheet:
    """A circuit: its tables under all conditions, and its netlist."""

    name: str  #: what the user calls it
    places: tuple[CircuitAt, ...]  #: its own table first
    netlist: Netlist | None  #: None of a table whose netlist is not known
    mismatch: Mismatch | None = None  #: of its neurons, if it was measured
    check: HeldOut | None = None  #: of its own table by fresh cycles, if these were simulated

    @property
    def table(self) -> NeuronTable:
        """The circuit's own."""
        return self.places[0].table

    @property
    def same_source(self) -> bool | None:
        """Whether its own table was measured from this netlist, these device models and this bench; None where that
        cannot be told."""
        if self.netlist is None or not isinstance(self.netlist.bench, Bench):
            return None
        return self.netlist.bench.sha256 == self.table.source_sha256

    @property
    def verdict(self) -> Verdict:
        """On the circuit's own table."""
        return self.places[0].verdict


def open_sheet(
    name: str, netlist: Path | None, models: Path | None, pdk: str | None, mismatch: Path | None = None
) -> Sheet:
    """Reads the tables of the circuit ``name``, and the netlist and the model of mismatch that belong to it: those
    given, or ours of the name that its table says.

    Raises :class:`CaptwinError` if a file is missing or wrong, or if devices are given and no netlist is known.
    """
    if Path(name).is_file() and (kind := kind_of(name)) is not Kind.TABLE:
        also = f" and --netlist {name}" if kind is Kind.NETLIST else ""
        raise CaptwinError(f"{name}: this is {kind.value}; a datasheet is of a circuit's table: name that{also}")
    places = circuit_corners(name)
    table = places[0].table
    if netlist is None and table.circuit not in SPICE_CIRCUITS:
        if (models, pdk) != (None, None):
            raise CaptwinError(f"{name}: --models and --pdk are for its netlist; name that with --netlist")
        return Sheet(name, places, None, _mismatch(table, mismatch))
    return Sheet(name, places, _netlist(table, netlist, models, pdk), _mismatch(table, mismatch))


def checked(sheet: Sheet, points: int, *, progress: Progress = silent) -> Sheet:
    """``sheet`` with its own table held against ``points`` fresh cycles in ngspice, and as many near the threshold; as
    it is without ngspice, or for no points.

    Raises :class:`SpiceError` if a cycle cannot be simulated.
    """
    if sheet.netlist is None or not isinstance(sheet.netlist.bench, Bench) or not points:
        return sheet
    return replace(sheet, check=held_out(sheet.netlist.bench, sheet.table, points, SEED, progress=progress))


def _mismatch(table: NeuronTable, given: Path | None) -> Mismatch | None:
    if given is not None:
        return model_in(Mismatch, given, table.circuit)
    known = Mismatch.models.find(table.circuit)
    return None if known is None else Mismatch.load(known)


def _netlist(table: NeuronTable, place: Path | None, models: Path | None, pdk: str | None) -> Netlist:
    path = find_netlist(table.circuit, place)
    source, devices = read_source(path, "netlist"), find_devices(path, models, pdk)
    subcircuits = read_subcircuits(source)
    if "neuron" not in subcircuits or not subcircuits["neuron"].elements:
        raise CaptwinError(f"{path}: no '.subckt neuron' with devices; docs/own-neuron.md says what a netlist holds")
    bench: Bench | str
    if find_tool("ngspice") is None:
        bench = f"ngspice is not installed: {ADVICE}"
    elif isinstance(devices, str) and find_place(find_pdk(devices)) is None:
        bench = f"the device models of {devices} are not here: {advice(find_pdk(devices))}"
    else:
        bench = open_bench(
            table.circuit,
            netlist=place,
            models=models,
            pdk=pdk,
            conditions=conditions_of(table),
            c_column=table.c_column,
            c_membrane=table.c_membrane,
        )
    if isinstance(bench, Bench) and (expressions := size_expressions(subcircuits)):
        subcircuits = with_numbers(subcircuits, evaluate(bench.around(""), expressions))
    return Netlist(path, source, devices, subcircuits, bench)
