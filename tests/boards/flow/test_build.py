"""Whole builds of small chips: the same bytes again, a damaged cache, a missed clock, and what flashing refuses."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.boards.board import Board
from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flasher import FILE
from captwin.boards.flow.build import build
from captwin.boards.flow.built import Built, read_built
from captwin.boards.flow.design import Design, prepare
from captwin.boards.flow.implementation import Netlist, fastest, place, synthesise
from captwin.boards.flow.manifest import read_manifest
from captwin.boards.flow.toolchain import Toolchain, find_tools
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.fit import SizedCore
from captwin.hw.chip import Chip
from captwin.hw.gates.options import CoreOptions
from captwin.hw.link.selftest import Expected
from captwin.hw.support.cache_folder import VARIABLE
from captwin.hw.support.errors import CaptwinError
from captwin.sim.expected import expect
from tests.support.chips import random_chip, random_pixels

SMALLEST = CoreOptions(pixel_lanes=1, row_banks=(1,), lanes=(1,))
CLOCK_HZ = 25e6


@pytest.fixture(scope="module")
def chip() -> Chip:
    return random_chip(11, sizes=(6, 3))


@pytest.fixture(scope="module")
def expected(chip: Chip) -> Expected:
    return expect(chip, random_pixels(5, chip, 1)[0])


def smallest(chip: Chip, board: str) -> SizedCore:
    return SizedCore(AreaModel(chip, replace(find_board(board), clock_hz=CLOCK_HZ)), SMALLEST)


@pytest.fixture(scope="module")
def whole(chip: Chip, expected: Expected, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A build for the smallest board. The tools' work is taken from the user's cache if it was done before."""
    return build(smallest(chip, "icebreaker"), expected, tmp_path_factory.mktemp("whole") / "out")


@pytest.fixture
def built(whole: Built, tmp_path: Path) -> Iterator[Built]:
    """A copy of it, to be damaged."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    yield replace(whole, folder=tmp_path / "copy")


@pytest.fixture(scope="module")
def steps(whole: Built, chip: Chip, expected: Expected) -> tuple[Design, Netlist, Toolchain]:
    """What goes into the placement of that build."""
    design = prepare(whole.board, smallest(chip, whole.board.name).gates(), expected)
    tools = find_tools(whole.board.family, native=False)
    return design, synthesise(design, tools), tools


def files(folder: Path) -> dict[str, bytes]:
    """Contents by name; logs tell how long things took."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".log"}


@pytest.mark.proof
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s-85f"])
def test_the_same_bytes_twice(
    name: str, chip: Chip, expected: Expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for turn in "ab":
        monkeypatch.setenv(VARIABLE, str(tmp_path / turn))
        contents.append(files(build(smallest(chip, name), expected, tmp_path / f"{name}-{turn}").folder))
    assert contents[0] == contents[1]


@pytest.mark.proof
def test_a_manifest_tells_of_its_build(built: Built, chip: Chip) -> None:
    manifest = read_built(built.folder, built.board, chip).manifest
    assert manifest == built.manifest == read_manifest(built.manifest_file, "")
    assert built.manifest_file.read_text() == manifest.text()
    assert manifest.board == "icebreaker" and manifest.build_id == f"{chip.build_id:016x}"
    assert manifest.sizes == chip.sizes and manifest.options == SMALLEST
    assert manifest.reached_hz >= manifest.clock_hz == pytest.approx(CLOCK_HZ, rel=0.05)
    assert manifest.used.block_rams.used >= 4  # the surfaces are in block RAM
    assert str(built.bitstream) in built.board.flasher.command(built.bitstream, burn=False)
    hops = built.slowest_path()
    assert sum(hop.delay_ns for hop in hops) == pytest.approx(1e9 / manifest.reached_hz, rel=1e-3)
    path = manifest.critical_path
    assert path.logic_ns + path.routing_ns == pytest.approx(1e9 / manifest.reached_hz, rel=1e-3)


@pytest.mark.proof
def test_builds_of_something_else_are_refused(built: Built, chip: Chip) -> None:
    wrong: tuple[tuple[Board, Chip, str], ...] = (
        (find_board("ice40-hx8k"), chip, "this bitstream is for icebreaker, not for ice40-hx8k"),
        (built.board, random_chip(12), "this bitstream is of chip"),
    )
    for board, wrong_chip, message in wrong:
        with pytest.raises(CaptwinError, match=message):
            read_built(built.folder, board, wrong_chip)
    built.bitstream.write_bytes(b"another")
    with pytest.raises(CaptwinError, match="is not the file that its manifest tells of"):
        read_built(built.folder, built.board, chip)


@pytest.mark.proof
def test_a_damaged_cached_bitstream_is_made_again(
    whole: Built,
    steps: tuple[Design, Netlist, Toolchain],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    design, netlist, tools = steps
    sound = place(design, netlist, tools, seed=1)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    damaged = tmp_path / "cache" / "placement" / sound.folder.name
    shutil.copytree(sound.folder, damaged)
    os.truncate(damaged / whole.bitstream.name, 1000)
    again = place(design, netlist, tools, seed=1)
    assert again == replace(sound, folder=damaged)
    assert (damaged / whole.bitstream.name).read_bytes() == whole.bitstream.read_bytes()
    assert ["damaged" in record.getMessage() for record in caplog.records if record.name == "captwin"] == [True]


@pytest.mark.proof
def test_a_missed_clock_is_an_error(steps: tuple[Design, Netlist, Toolchain]) -> None:
    design, netlist, tools = steps
    placement = place(design, netlist, tools, seed=1)
    assert fastest(design, [placement]) is placement
    wanted = replace(design, pll=replace(design.pll, output_hz=150e6))
    slow = replace(placement, timing=replace(placement.timing, wanted_hz=150e6))
    with pytest.raises(
        CaptwinError, match=r"MHz reached, 150 MHz wanted .* slowest path from linked\.\S+ to linked\."
    ) as caught:
        fastest(wanted, [slow])
    assert "\n" not in str(caught.value)


@pytest.mark.proof
def test_a_build_that_misses_its_clock_leaves_nothing(chip: Chip, expected: Expected, tmp_path: Path) -> None:
    with pytest.raises(CaptwinError, match="MHz reached, 150 MHz wanted"):
        build(smallest(chip, "icebreaker"), expected, tmp_path / "out", clock_hz=150e6)
    assert not (tmp_path / "out").exists()


def test_no_build_to_flash(chip: Chip, tmp_path: Path) -> None:
    with pytest.raises(CaptwinError, match="no build; try: captwin build fox --board icebreaker"):
        read_built(tmp_path, find_board("icebreaker"), chip, name="fox")


def test_boards_have_whole_commands() -> None:
    for board in BOARDS.values():
        assert np.isfinite(board.clock_hz) and len(board.leds) >= 2
        for arguments in (board.flasher.load, board.flasher.burn):
            assert arguments.count(FILE) == 1
