"""Whole builds of small chips: the same bytes twice, a missed clock, the self-test, flashing."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captwin.boards.catalogue import BOARDS, find_board
from captwin.boards.flasher import FILE
from captwin.boards.flow.build import build
from captwin.boards.flow.built import read_built
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.selftest import Expected
from captwin.hw.support.cache_folder import VARIABLE
from captwin.hw.support.errors import CaptwinError
from captwin.sim.expected import expect
from tests.support.chips import random_chip, random_pixels

SMALLEST = CoreOptions(pixel_lanes=1, row_banks=1, lanes=1)
SMALLEST_EACH = CoreOptions(pixel_lanes=1, row_banks=(1,), lanes=(1,))


@pytest.fixture(scope="module")
def chip() -> Chip:
    return random_chip(11, sizes=(6, 3))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))


def expected(chip: Chip) -> Expected:
    return expect(chip, random_pixels(5, chip, 1)[0])


@pytest.mark.parametrize("name", ["icebreaker", pytest.param("ulx3s-85f", marks=pytest.mark.proof)])
def test_the_same_bytes_twice(name: str, chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = replace(find_board(name), clock_hz=25e6)
    made = []
    for turn in "ab":
        monkeypatch.setenv(VARIABLE, str(tmp_path / turn))
        made.append(build(Core(chip, SMALLEST), board, expected(chip), tmp_path / f"{name}-{turn}"))
    first, second = ({path.name: path.read_bytes() for path in one.folder.iterdir()} for one in made)
    logs = [file for file in first if file.endswith(".log")]  # these tell how long things took
    assert {file: text for file, text in first.items() if file not in logs} == {
        file: text for file, text in second.items() if file not in logs
    }
    manifest = json.loads(made[0].manifest.read_text())
    assert manifest["board"] == name and manifest["build_id"] == f"{chip.build_id:016x}"
    assert manifest["reached_hz"] >= manifest["clock_hz"] == pytest.approx(25e6, rel=0.05)
    assert manifest["used"]["block_rams"]["used"] >= 4  # the surfaces are in block RAM

    built = read_built(made[0].folder, board, chip)
    command = built.board.flasher.command(built.bitstream, burn=False)
    assert str(made[0].bitstream) in command and built.manifest.options == SMALLEST_EACH
    hops = built.slowest_path()
    assert sum(hop.delay_ns for hop in hops) == pytest.approx(1e9 / built.manifest.reached_hz, rel=1e-3)
    for other, wrong_chip, message in (
        (find_board("ice40-hx8k"), chip, f"this bitstream is for {name}, not for ice40-hx8k"),
        (board, random_chip(12), "this bitstream is of chip"),
    ):
        with pytest.raises(CaptwinError, match=message):
            read_built(made[0].folder, other, wrong_chip)
    made[0].bitstream.write_bytes(b"another")
    with pytest.raises(CaptwinError, match="is not the file that its manifest tells of"):
        read_built(made[0].folder, board, chip)


def test_a_damaged_cached_bitstream_is_made_again(chip: Chip, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    board = replace(find_board("icebreaker"), clock_hz=25e6)
    first = build(Core(chip, SMALLEST), board, expected(chip), tmp_path / "first")
    (cached,) = (tmp_path / "cache" / "placement").glob(f"*/{first.bitstream.name}")
    os.truncate(cached, 1000)
    again = build(Core(chip, SMALLEST), board, expected(chip), tmp_path / "again")
    assert again.bitstream.read_bytes() == first.bitstream.read_bytes()
    assert again.manifest.read_bytes() == first.manifest.read_bytes()
    assert ["damaged" in record.getMessage() for record in caplog.records if record.name == "captwin"] == [True]


def test_a_missed_clock_is_an_error(chip: Chip, tmp_path: Path) -> None:
    core = Core(chip, SMALLEST)
    with pytest.raises(
        CaptwinError, match=r"MHz reached, 150 MHz wanted .* slowest path from linked\.\S+ to linked\."
    ) as caught:
        build(core, find_board("icebreaker"), expected(chip), tmp_path / "out", clock_hz=150e6)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_no_build_to_flash(chip: Chip, tmp_path: Path) -> None:
    with pytest.raises(CaptwinError, match="no build; try: captwin build fox --board icebreaker"):
        read_built(tmp_path, find_board("icebreaker"), chip, name="fox")


def test_boards_have_whole_commands() -> None:
    for board in BOARDS.values():
        assert np.isfinite(board.clock_hz) and len(board.leds) >= 2
        for arguments in (board.flasher.load, board.flasher.burn):
            assert arguments.count(FILE) == 1
