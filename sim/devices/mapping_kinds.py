"""The kinds of mapping by the names that configurations and chip files call them.

Another kind is a class like :class:`~captwin.sim.devices.one_sided.OneSided` in a file of its own, and its name here.
"""

from typing import TYPE_CHECKING, Literal

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.sim.devices.complementary import Complementary
from captwin.sim.devices.mapping import Mapping
from captwin.sim.devices.one_sided import OneSided

MAPPINGS: dict[str, type[Mapping]] = {mapping.kind: mapping for mapping in (Complementary, OneSided)}

if TYPE_CHECKING:
    Kind = str  # a type checker cannot follow the table
else:
    Kind = Literal[tuple(MAPPINGS)]


def mapping_kind(kind: str) -> type[Mapping]:
    """The class of a kind; :class:`CaptwinError` that names all kinds if there is none of that name."""
    if kind not in MAPPINGS:
        raise CaptwinError(f"mapping: no kind {printable(kind)}; there are {', '.join(MAPPINGS)}")
    return MAPPINGS[kind]


def chip_mapping(chip: Chip, stated: str | None = None) -> type[Mapping]:
    """The kind of mapping that programmed ``chip``: what its file says, or ``stated`` where that says nothing.

    Raises :class:`CaptwinError` if neither says, or if they differ.
    """
    config = chip.provenance.get("config")
    by_file = config.get("mapping") if isinstance(config, dict) else None
    if not isinstance(by_file, str):
        if stated is None:
            raise CaptwinError(
                "mapping: this chip does not say how its weights were mapped;"
                f" name its mapping, one of {', '.join(MAPPINGS)}"
            )
        return mapping_kind(stated)
    if stated not in (None, by_file):
        raise CaptwinError(f"mapping: this chip says that it is {printable(by_file)}, not {printable(stated)}")
    return mapping_kind(by_file)
