"""What some tests need of the machine; they are skipped, with the reason, where it is missing."""

import shutil
from collections.abc import Collection
from typing import Any

import pytest

from captwin.sim.pdk.catalogue import pdks
from captwin.sim.pdk.place import advice, find_place
from captwin.sim.spice.benches.bench import SPICE_CIRCUITS, find_netlist

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice: apt-get install ngspice")


def needs_pdk(name: str) -> pytest.MarkDecorator:
    """The mark of tests that need the cards of the PDK called ``name``."""
    pdk = pdks()[name]
    return pytest.mark.skipif(find_place(pdk) is None, reason=f"needs the cards of {name}: {advice(pdk)}")


def circuits(*, slow: Collection[str] = ("sky130",)) -> list[Any]:
    """The circuits that come with Captwin, as parameters of a test; those of a PDK need its cards.
    Those of the ``slow`` PDKs are left to the proofs: SKY130's cards take long to read."""
    folders = {name: find_netlist(name).parent.name for name in SPICE_CIRCUITS}
    marks = {folder: [needs_pdk(folder)] if folder in pdks() else [] for folder in folders.values()}
    for folder in slow:
        marks[folder].append(pytest.mark.proof)
    return [pytest.param(name, marks=marks[folder]) for name, folder in folders.items()]
