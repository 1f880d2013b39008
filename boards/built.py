"""A build's folder, read back: what :func:`boards.build.build` left there."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from boards.board import Board
from boards.build import MANIFEST
from boards.timing import Hop, read_path, read_timing
from hw.chip import Chip
from hw.core import CoreOptions
from hw.support.errors import CaptwinError
from hw.support.files import read_bytes

REPORT = "report.json"


@checked(frozen=True, config=ConfigDict(extra="ignore"))
class Used:
    """How many of a resource the core takes, and how many the device has."""

    used: int
    of: int


@checked(frozen=True, config=ConfigDict(extra="ignore"))
class Manifest:
    """What a build was made of and what came out."""

    board: str
    build_id: str
    options: CoreOptions
    clock_hz: float
    seed: int
    reached_hz: float
    reached_hz_by_seed: dict[int, float]
    used: dict[str, Used]  #: by the names of :class:`boards.family.Limits`
    versions: dict[str, str]
    sha256: dict[str, str]


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
        content = read_bytes(path, "nextpnr's report")
        try:
            report: dict[str, Any] = json.loads(content)
            reached_hz, hops = read_timing(report, clock_hz).reached_hz, read_path(report, clock_hz)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, StopIteration):
            raise CaptwinError(f"{path}: is not nextpnr's report; run captwin build again") from None
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
    try:
        manifest = TypeAdapter(Manifest).validate_json(read_bytes(folder / MANIFEST, "a build's manifest"))
    except ValidationError:
        raise CaptwinError(f"{folder / MANIFEST}: is not a build's manifest; {again}") from None
    if manifest.board != board.name:
        raise CaptwinError(f"{folder}: this bitstream is for {manifest.board}, not for {board.name}; {again}")
    if manifest.build_id != f"{chip.build_id:016x}":
        wanted = f"{chip.build_id:016x}"
        raise CaptwinError(f"{folder}: this bitstream is of chip {manifest.build_id}, not of {wanted}; {again}")
    built = Built(folder, board, manifest)
    content = read_bytes(built.bitstream, "a bitstream")
    if sha256(content).hexdigest() != manifest.sha256.get("bitstream"):
        raise CaptwinError(f"{built.bitstream}: is not the file that its manifest tells of; {again}")
    return built
