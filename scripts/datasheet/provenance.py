"""What the circuit's figures come from, and how to make them again."""

import hashlib
import shlex

from captwin.scripts.datasheet.sheet import Netlist, Sheet
from captwin.scripts.page.blocks import Block, Commands, Facts, Note, Section
from captwin.sim.neurons.circuits import circuit_names
from captwin.sim.neurons.conditions import listed
from captwin.sim.pdk.place import cards_digest, find_place
from captwin.sim.spice.benches.bench import MODELS, Bench
from captwin.sim.spice.ngspice import ngspice_version

OTHER_SOURCE = (
    "The table was measured from another netlist, other device models or another bench than the devices and transients "
    "on this page: their hash is not the one in the table. captwin remeasure tells how far it is off."
)


def section(sheet: Sheet) -> Section:
    """Hashes, dates and commands."""
    table, netlist = sheet.table, sheet.netlist
    facts = [
        ("table, SHA-256 without its date", table.circuit_sha256),
        ("measured", table.date),
        ("SHA-256 of its source", table.source_sha256),
        ("conditions", listed(at.conditions for at in sheet.places)),
        ("drive axis", f"{table.u[0]:g} to {table.u[-1]:g} V of drive, {len(table.u)} points"),
        ("membrane axis", f"{table.v[0]:g} to {table.v[-1]:g} V, {len(table.v)} points"),
        *(_netlist_facts(netlist) if netlist else []),
    ]
    blocks: list[Block] = [Facts(facts), *_match(sheet), Commands(commands(sheet))]
    lead = "The same files and tools give the same page, byte for byte."
    return Section("provenance", "Provenance", lead, blocks)


def _netlist_facts(netlist: Netlist) -> list[tuple[str, str]]:
    facts = [(f"SHA-256 of {netlist.path.name}", hashlib.sha256(netlist.source.raw.encode()).hexdigest())]
    if pdk := netlist.pdk:
        facts += [
            ("PDK", f"{pdk.name}: {pdk.title}"),
            ("its source", pdk.source),
            ("licence of its models", pdk.licence),
        ]
        if place := find_place(pdk):
            facts.append(("SHA-256 of its models", cards_digest(pdk, place)))
    else:
        facts.append(("devices", netlist.devices_text))
    if isinstance(netlist.bench, Bench):
        facts.append(("transients simulated by", ngspice_version()))
    return facts


def _match(sheet: Sheet) -> list[Block]:
    """Whether the table was measured from the netlist that is shown, as far as that can be told."""
    if sheet.same_source is None:
        return []
    same = "The table was measured from this netlist, these device models and this bench: their hashes agree."
    return [Note(same) if sheet.same_source else Note(OTHER_SOURCE, bad=True)]


def commands(sheet: Sheet) -> list[str]:
    """Command lines that make the figures again, and look further."""
    own = sheet.name in circuit_names()
    netlist: list[str] = []
    if sheet.netlist is not None and not sheet.netlist.is_ours:
        devices, netlist = sheet.netlist.devices, ["--netlist", str(sheet.netlist.path)]
        if devices != MODELS:  # which it has without a word
            netlist += ["--pdk" if isinstance(devices, str) else "--models", str(devices)]
    circuit = [] if own else ["-o", f"{sheet.name}"]
    lines = [
        ["captwin", "datasheet", sheet.name, *netlist],
        ["captwin", "inspect", sheet.name],
        ["captwin", "corners", "--circuit", sheet.name, "-o", "corners.png"],
    ]
    if sheet.netlist is not None:
        points = ["--points", str(len(sheet.table.v)), "--drive-points", str(len(sheet.table.u))]
        lines.insert(1, ["captwin", "characterize", sheet.table.circuit, *netlist, *points, *circuit])
        lines.insert(2, ["captwin", "remeasure", sheet.name, *netlist])
    return [shlex.join(line) for line in lines]
