"""A build's folder, read back: what :func:`build` left there."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from captwin.boards.board import Board
from captwin.boards.flow.build import MANIFEST
from captwin.boards.flow.timing import Hop, Report, read_path, read_timing
from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.documents import first_fault, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import check_name

REPORT = "report.json"
#: bytes of the largest manifest, report of nextpnr and bitstream
MANIFEST_LIMIT, REPORT_LIMIT, BITSTREAM_LIMIT = 1 << 20, 1 << 28, 1 << 27
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
_READ = ConfigDict(extra="ignore", allow_inf_nan=False)


@checked(frozen=True, config=_READ)
class Used:
    """How many of a resource the core takes, and how many the device has."""

    used: _Count
    of: _Count


@checked(frozen=True, config=_READ)
class Manifest:
    """What a build was made of and what came out."""

    board: _Name
    build_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    options: CoreOptions
    clock_hz: _Hertz
    seed: _Count
    reached_hz: _Hertz
    reached_hz_by_seed: dict[_Count, _Hertz]
    used: dict[_Name, Used]  #: by the names of :class:`Limits`
    versions: dict[_Name, Annotated[str, AfterValidator(_text)]]
    sha256: dict[_Name, _Digest]


@dataclass(frozen=True)
class Built:
    """A whole build of a known chip for a known board."""

    folder: Path
    board: Board
    manifest: Manifest

    @property
    def bitstream(self) -> Path:
        return self.folder / self.board.family.bitstream

    def slowest_path(self) -> tuple[Hop, ...]:
        """Hops of the slowest path of the seed kept.

        Raises :class:`CaptwinError` if nextpnr's report is missing, or is not that of this build.
        """
        path, clock_hz = self.folder / REPORT, self.manifest.clock_hz
        report: Any = _read(path, Report, "nextpnr's report", REPORT_LIMIT, "run captwin build again")
        try:
            reached_hz, hops = read_timing(report, clock_hz).reached_hz, read_path(report, clock_hz)
        except CaptwinError as error:
            raise CaptwinError(f"{path}: {error}; run captwin build again") from None
        if reached_hz != self.manifest.reached_hz:
            raise CaptwinError(f"{path}: is not the report of this build; run captwin build again")
        return hops


def read_built(folder: Path, board: Board, chip: Chip, *, name: str = "CHIP") -> Built:
    """The build of ``chip`` for ``board`` in ``folder``; ``name`` is what the user calls the chip.

    Raises :class:`CaptwinError` if there is no whole build, or if it was made for another board or chip.
    """
    again = f"try: captwin build {name} --board {board.name}"
    if not (folder / MANIFEST).exists():
        raise CaptwinError(f"{folder}: no build; {again}, or name its folder with --build")
    manifest = _read(folder / MANIFEST, Manifest, "a build's manifest", MANIFEST_LIMIT, again)
    if manifest.board != board.name:
        raise CaptwinError(f"{folder}: this bitstream is for {manifest.board}, not for {board.name}; {again}")
    if manifest.build_id != f"{chip.build_id:016x}":
        wanted = f"{chip.build_id:016x}"
        raise CaptwinError(f"{folder}: this bitstream is of chip {manifest.build_id}, not of {wanted}; {again}")
    built = Built(folder, board, manifest)
    content = read_bytes(built.bitstream, "a bitstream", BITSTREAM_LIMIT)
    if sha256(content).hexdigest() != manifest.sha256.get("bitstream"):
        raise CaptwinError(f"{built.bitstream}: is not the file that its manifest tells of; {again}")
    return built


def _read(path: Path, kind: type[Value], what: str, limit: int, advice: str) -> Value:
    """The JSON file ``path``, checked against ``kind``; :class:`CaptwinError` if it is not ``what`` it should be."""
    content = read_bytes(path, what, limit)
    try:
        parse_json(content)  # whose limits pydantic has not
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        reason = ": ".join(part for part in first_fault(error) if part)
    except CaptwinError as error:  # no JSON, or options that no core has
        reason = str(error)
    raise CaptwinError(f"{path}: is not {what} ({reason}); {advice}")
