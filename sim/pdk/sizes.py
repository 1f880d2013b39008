"""The devices of a neuron and their sizes, as ngspice reads them, against what the PDK allows."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from captwin.hw.support.names import printable
from captwin.sim.pdk.pdk import Device, Pdk
from captwin.sim.spice.benches.bias import UNSOLVED
from captwin.sim.spice.netlist import PORTS, printable_line
from captwin.sim.spice.ngspice import SpiceError, run_deck

SECONDS_TO_READ = 60.0
#: how far a size may lie off the grid or a limit, of itself: ngspice's arithmetic
TOLERANCE = 1e-6
_UNKNOWN = re.compile(r"unknown subckt: (\S+) (.*)|could not find a valid modelname")
_PROBE = re.compile(r"^\s*\d+ : r\.(\S+)\.rcaptwin_(\w+)_([wl]) \S+ \S+ +(\S+)", re.MULTILINE)


class Part(NamedTuple):
    """A device in a netlist."""

    line: str  #: its name there, with those of the subcircuits around it
    device: str  #: nch, pch ...
    w: float  #: m
    l: float  #: m  # noqa: E741 (every SPICE calls it so)


def netlist_parts(pdk: Pdk, text: str, neuron: str, where: str) -> list[Part]:
    """All devices in the subcircuits ``neuron``, and ``bias`` if there is one, of the netlist that says ``neuron``.

    ``text`` defines the devices, of which the names and defaults alone count here: in place of a device, ngspice sees
    two resistors of its w and l. Raises :class:`SpiceError` if the netlist uses anything that ``pdk`` does not have.
    """
    deck = ["* captwin", *_probes(pdk, text), neuron, f"xneuron {' '.join(PORTS)} neuron"]
    if re.search(r"^[.]subckt\s+bias\b", neuron, re.MULTILINE | re.IGNORECASE):
        deck += ["xbias vdd vref vreset bias", UNSOLVED]
    output = run_deck("\n".join([*deck, ".control", "listing expand", "quit", ".endc", ".end", ""]), SECONDS_TO_READ)
    if unknown := _UNKNOWN.search(output):
        name = unknown[1] or output[: unknown.start()].split("\n")[-2].split()[0]
        used = [word for word in (unknown[2] or "").split() if "=" not in word]
        what = printable(used[-1].rpartition(".")[2]) if used else "model of that name"
        raise SpiceError(
            f"{where}: {printable_line(re.sub(r'^(m[.])?xneuron[.]', '', name))}: {pdk.name} has no {what};"
            f" its devices are {', '.join(device.name for device in pdk.devices)}"
        )
    sizes: dict[tuple[str, str], dict[str, float]] = {}
    for line, device, axis, value in _PROBE.findall(output):
        sizes.setdefault((re.sub(r"^xneuron\.", "", line), device), {})[axis] = float(value)
    return [Part(line, device, size["w"], size["l"]) for (line, device), size in sizes.items()]


def _probes(pdk: Pdk, text: str) -> Iterator[str]:
    """A subcircuit for each device with its ports and defaults."""
    for name, ports, defaults in re.findall(r"^[.]subckt (\w+) ((?:\w+ )+)(w=.*)$", text, re.MULTILINE):
        if name in {device.name for device in pdk.devices}:
            first, second = ports.split()[:2]
            yield f".subckt {name} {ports}{defaults}"
            yield from (f"rcaptwin_{name}_{axis} {first} {second} {{{axis}}}" for axis in "wl")
            yield f".ends {name}"


def check_sizes(pdk: Pdk, parts: list[Part], where: str) -> None:
    """Raises :class:`SpiceError` that names the first of ``parts`` that ``pdk`` does not allow."""
    devices = {device.name: device for device in pdk.devices}
    for part in parts:
        for axis, size, low, high in _sizes(part, devices[part.device]):
            if not low * (1 - TOLERANCE) <= size <= high * (1 + TOLERANCE):
                raise SpiceError(
                    f"{where}: {part.line}: {axis} = {_um(size)} um, {pdk.name} has {part.device} from"
                    f" {_um(low)} to {_um(high)} um"
                )
            steps = size / pdk.grid
            if abs(steps - round(steps)) > TOLERANCE * steps:
                raise SpiceError(
                    f"{where}: {part.line}: {axis} = {_um(size)} um is no multiple of {pdk.name}'s grid,"
                    f" {_um(pdk.grid)} um; {_um(round(steps) * pdk.grid)} is"
                )


def _sizes(part: Part, device: Device) -> Iterator[tuple[str, float, float, float]]:
    yield "w", part.w, device.least[0], device.most[0]
    yield "l", part.l, device.least[1], device.most[1]


def _um(metres: float) -> str:
    return f"{metres * 1e6:.7g}"
