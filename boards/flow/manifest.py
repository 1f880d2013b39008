"""The manifest beside a bitstream: what a build was made of and what came out, written and read as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from captwin.boards.flow.timing import CriticalPath
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.documents import first_fault, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import check_name

MANIFEST = "manifest.json"
#: bytes of the largest manifest
MANIFEST_LIMIT = 1 << 20
Value = TypeVar("Value")


def _text(value: str) -> str:
    if not value.isprintable() or len(value) > 200:
        raise ValueError("should be printable text of at most 200 characters")
    return value


def _name(value: str) -> str:
    try:
        return check_name(value, "here")
    except CaptwinError:
        raise ValueError("should be a plain name") from None


_Name = Annotated[str, AfterValidator(_name)]
_Hertz = Annotated[float, Field(gt=0, le=1e12)]
_Count = Annotated[int, Field(ge=0, le=10**9)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_CHECKED = ConfigDict(extra="ignore", allow_inf_nan=False)


@dataclass(frozen=True, config=_CHECKED)
class Used:
    """How many of a resource the core takes, and how many the device has."""

    used: _Count
    of: _Count


@dataclass(frozen=True, config=_CHECKED)
class Utilization:
    """The resources of a device, by the names of :class:`Limits`."""

    luts: Used
    flip_flops: Used
    block_rams: Used
    multipliers: Used

    def of(self, name: str) -> Used:
        """The resource ``name``."""
        used: Used = getattr(self, name)
        return used


@dataclass(frozen=True, config=_CHECKED)
class Digests:
    """SHA-256 of what went into synthesis, what was placed, and the bitstream; hexadecimal."""

    rtlil: _Digest
    netlist: _Digest
    bitstream: _Digest


@dataclass(frozen=True, config=_CHECKED)
class Manifest:
    """What a build was made of and what came out; nothing in it changes from one run to the next."""

    board: _Name
    build_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]  #: of the chip, hexadecimal
    sizes: Annotated[tuple[_Count, ...], Field(min_length=2)]  #: of the chip: pixels, then neurons of each layer
    options: CoreOptions
    clock_hz: _Hertz  #: made by the board's PLL
    seed: _Count  #: of the placement that was kept
    reached_hz: _Hertz  #: by that placement
    reached_hz_by_seed: dict[_Count, _Hertz]
    used: Utilization
    critical_path: CriticalPath
    versions: dict[_Name, Annotated[str, AfterValidator(_text)]]  #: of Captwin, Amaranth, and each tool
    sha256: Digests

    def text(self) -> str:
        """The manifest as JSON, with options as lists of a number a layer."""
        options = self.options.listed(len(self.sizes) - 1)
        return json.dumps(asdict(self) | {"options": options}, indent=1) + "\n"


def read_manifest(path: Path, advice: str) -> Manifest:
    """The manifest in the file ``path``; :class:`CaptwinError`, with ``advice``, if it is none."""
    return read_checked(path, Manifest, "a build's manifest", MANIFEST_LIMIT, advice)


def read_checked(path: Path, kind: type[Value], what: str, limit: int, advice: str) -> Value:
    """The JSON file ``path`` of at most ``limit`` bytes, checked against ``kind``.

    Raises :class:`CaptwinError`, with ``advice``, if it is not ``what`` it should be.
    """
    content = read_bytes(path, what, limit)
    try:
        parse_json(content)  # which has limits that pydantic has not
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        reason = ": ".join(part for part in first_fault(error) if part)
    except CaptwinError as error:  # no JSON, or options that no core has
        reason = str(error)
    raise CaptwinError(f"{path}: is not {what} ({reason}); {advice}")
