"""``captwin estimate``: what it prints, its comparison with a build, and its complaints."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from captwin.boards.catalogue import find_board
from captwin.hw.encoders import make_encoder
from captwin.train.zoo import load_chip
from tests.support.paths import ROOT
from tests.support.real_time import real_time_chip

pytestmark = pytest.mark.usefixtures("counted_once")


def fake_build(folder: Path, **changes: object) -> None:
    """What `captwin build digits-tiny --board icebreaker` leaves, as far as it is read here."""
    folder.mkdir(parents=True)
    (folder / "captwin.bin").write_bytes(b"bits")
    used = {"luts": 3000, "flip_flops": 3000, "block_rams": 9, "multipliers": 7}
    content = {
        "board": "icebreaker",
        "build_id": f"{load_chip('digits-tiny').build_id:016x}",
        "sizes": list(load_chip("digits-tiny").sizes),
        "options": {"pixel_lanes": 2, "row_banks": [1], "lanes": [1]},
        "clock_hz": 30e6,
        "seed": 1,
        "reached_hz": 40e6,
        "reached_hz_by_seed": {"1": 40e6},
        "used": {name: {"used": number, "of": 1} for name, number in used.items()},
        "critical_path": {"start": "a", "end": "b", "logic_ns": 1.0, "routing_ns": 2.0},
        "versions": {},
        "sha256": {"rtlil": "1" * 64, "netlist": "2" * 64, "bitstream": sha256(b"bits").hexdigest()},
    }
    (folder / "manifest.json").write_text(json.dumps(content | changes))


def test_estimate(captwin):
    arguments = ("estimate", "digits-tiny", "--board", "icebreaker", "--images", "50", "--pixel-lanes", "1")
    status, out, err = captwin(*arguments, "--json")
    assert status == 0, err
    said = json.loads(out)
    assert said["interval_cycles"]["mean"] == pytest.approx(512, rel=0.01) and said["bottleneck"] == "encoder"
    assert said["gates_images_per_s"] == pytest.approx(
        find_board("icebreaker").clock_hz / said["interval_cycles"]["mean"]
    )
    assert said["fits"] and said["built"] is None
    assert 0 < said["luts"] < said["limits"]["luts"]
    changes = json.loads(captwin(*arguments[:-1], "8", "--change-events", "--json")[1])
    spikes = json.loads(captwin(*arguments[:-1], "8", "--all-events", "--json")[1])
    assert changes["interval_cycles"]["mean"] < spikes["interval_cycles"]["mean"] and changes["luts"] > spikes["luts"]
    status, out, _ = captwin(*arguments[:-1], "8", "--parallel")
    assert status == 0 and "--pixel-lanes 8 --row-banks 1 --lanes 1" in out and "crossbar 0" in out


def test_nothing_else_is_said(tmp_path):
    """Cores that are made only to be counted are no reason for warnings."""
    command = [
        sys.executable,
        "-m",
        "captwin.scripts.main",
        "estimate",
        "digits-tiny",
        "--board",
        "icebreaker",
        "--images",
        "2",
    ]
    run = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert run.returncode == 0 and b"never used" not in run.stderr, run.stderr.decode()


def test_cells_that_are_the_same_are_one_number(captwin):
    """An iCE40's LUTs and flip-flops share its logic cells; an ECP5 counts them apart."""
    arguments = ("digits-tiny", "--images", "5")
    _, out, _ = captwin("estimate", *arguments, "--board", "icebreaker")
    assert "logic cells, each LUT4 and flip-flop" in out and out.count("of 5,280") == 1
    said = json.loads(captwin("estimate", *arguments, "--board", "icebreaker", "--json")[1])
    assert said["luts"] == said["flip_flops"] > 0
    _, out, _ = captwin("estimate", *arguments, "--board", "ulx3s-85f")
    lines = [line.split() for line in out.splitlines()]
    assert [words[0] for words in lines if words and words[0] in ("LUT4", "flip-flops", "logic")] == [
        "LUT4",
        "flip-flops",
    ]


ARGUMENTS = ("estimate", "digits-tiny", "--board", "icebreaker", "--images", "5")


def test_beside_a_build(captwin):
    fake_build(Path("build/digits-tiny-icebreaker"))
    status, out, _ = captwin(*ARGUMENTS)
    assert status == 0 and "built: 3,000, estimate +" in out and "built: 7, estimate +0.0 %" in out
    status, out, _ = captwin(*ARGUMENTS, "--pixel-lanes", "1")
    assert status == 0 and "has a core of other options" in out and "built: " not in out


def test_beside_a_build_elsewhere(captwin):
    fake_build(Path("elsewhere"))
    status, out, _ = captwin(*ARGUMENTS, "--build", "elsewhere", "--json")
    assert status == 0 and json.loads(out)["built"]["luts"] == 3000
    status, out, err = captwin(*ARGUMENTS, "--build", "nowhere")
    assert (status, out, err.count("\n")) == (1, "", 1) and "nowhere: no build" in err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"build_id": "0" * 16}, "is of chip 0000"),
        ({"used": 3}, "is not a build's manifest"),
        (
            {"sha256": dict.fromkeys(("rtlil", "netlist", "bitstream"), "0" * 64)},
            "is not the file that its manifest tells of",
        ),
    ],
)
def test_other_manifests(captwin, changes, message):
    fake_build(Path("build/digits-tiny-icebreaker"), **changes)
    status, out, _ = captwin(*ARGUMENTS)
    assert status == 0 and message in " ".join(out.split()) and "built: " not in out


def test_search(captwin):
    arguments = ("estimate", "digits-tiny", "--board", "ice40-hx8k", "--fixed", "--images", "10", "--json")
    own = json.loads(captwin(*arguments)[1])
    status, out, err = captwin(*arguments, "--search")
    assert status == 0, err
    found = json.loads(out)["found"]
    assert 1 <= len(found) <= 5 and found[0]["multipliers"] == 0
    assert found[0]["gates_images_per_s"] >= 0.99 * own["gates_images_per_s"] > 150_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "--board", "nothing"), "nothing"),
        (("nothing", "--board", "icebreaker"), "nothing: no such chip file"),
        (("digits", "--board", "icebreaker", "--images", "1000"), "digits has 360 test images, not 1000"),
        (("digits", "--board", "icebreaker", "--lanes", "3"), "lanes: must be a power of two"),
        (("digits", "--board", "icebreaker", "--row-banks", "1,1,1"), "the chip has 2 layers, not 3"),
        (("digits", "--board", "icebreaker", "--serial", "--row-banks", "4"), "row_banks: must be 1 in a serial core"),
        (
            ("digits", "--board", "icebreaker", "--serial", "--change-events"),
            "change_events: a serial core keeps no sums",
        ),
        (("digits", "--board", "icebreaker", "--search", "--lanes", "2"), "--search: finds --pixel-lanes"),
        (("mnist-small", "--board", "icebreaker", "--search"), "no core of this chip leaves 10 % of the device free"),
    ],
)
def test_mistakes(captwin, arguments, message, request):
    if "mnist-small" in arguments:
        request.getfixturevalue("mnist")
    status, out, err = captwin("estimate", *arguments)
    assert (status, out) == (1, "") and message in err and "Traceback" not in err, err
    assert err.splitlines()[-1].startswith("captwin: ")


def test_build_refuses_before_it_asks_for_data(captwin, monkeypatch):
    def asked(*_):
        raise AssertionError("asked for data")

    monkeypatch.setattr("captwin.scripts.verbs.board.build.chip_dataset", asked)
    status, out, err = captwin("build", "mnist", "--board", "icebreaker")
    assert (status, out, err.count("\n")) == (1, "", 1) and "block RAMs, there are 30" in err


def test_a_real_time_core_takes_as_many_cycles_for_every_image(captwin, tmp_path):
    chip = real_time_chip(1, sizes=(64, 3, 10), encoder=make_encoder(kind="rate", steps=8), knots=(2, 3))
    chip.save(tmp_path / "direct.safetensors")
    arguments = ("--board", "ulx3s-85f", "--real-time", "--data", "digits", "--images", "20", "--json")
    status, out, _ = captwin("estimate", "direct.safetensors", *arguments)
    result = json.loads(out)
    assert status == 0 and result["gates_images_per_s"] == 12.5e6
    status, out, err = captwin("estimate", "digits-tiny", "--board", "ulx3s-85f", "--real-time")
    assert (status, out, err.count("\n")) == (1, "", 1) and "a real-time core takes powers of two" in err
