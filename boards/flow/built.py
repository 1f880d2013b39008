"""A build's folder: the bitstream, its manifest, and nextpnr's report."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from captwin.boards.board import Board
from captwin.boards.flow.manifest import MANIFEST, Manifest, read_checked, read_manifest
from captwin.boards.flow.timing import Hop, Report, read_path, read_timing
from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes

REPORT = "report.json"
#: bytes of the largest report of nextpnr, and of the largest bitstream
REPORT_LIMIT, BITSTREAM_LIMIT = 1 << 28, 1 << 27


@dataclass(frozen=True)
class Built:
    """A whole build of a known chip for a known board."""

    folder: Path
    board: Board
    manifest: Manifest

    @property
    def bitstream(self) -> Path:
        return self.folder / self.board.family.bitstream

    @property
    def manifest_file(self) -> Path:
        return self.folder / MANIFEST

    def slowest_path(self) -> tuple[Hop, ...]:
        """Hops of the slowest path of the seed kept.

        Raises :class:`CaptwinError` if nextpnr's report is missing, or is not that of this build.
        """
        path, clock_hz = self.folder / REPORT, self.manifest.clock_hz
        report: Any = read_checked(path, Report, "nextpnr's report", REPORT_LIMIT, "run captwin build again")
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
    advice = f"try: captwin build {name} --board {board.name}"
    if not (folder / MANIFEST).exists():
        raise CaptwinError(f"{folder}: no build; {advice}, or name its folder with --build")
    manifest = read_manifest(folder / MANIFEST, advice)
    if manifest.board != board.name:
        raise CaptwinError(f"{folder}: this bitstream is for {manifest.board}, not for {board.name}; {advice}")
    if manifest.build_id != f"{chip.build_id:016x}":
        wanted = f"{chip.build_id:016x}"
        raise CaptwinError(f"{folder}: this bitstream is of chip {manifest.build_id}, not of {wanted}; {advice}")
    built = Built(folder, board, manifest)
    content = read_bytes(built.bitstream, "a bitstream", BITSTREAM_LIMIT)
    if sha256(content).hexdigest() != manifest.sha256.bitstream:
        raise CaptwinError(f"{built.bitstream}: is not the file that its manifest tells of; {advice}")
    return built
