"""``captwin infer``: what it prints, and what it says of mistakes."""

import json
import os
from dataclasses import asdict

import pytest

from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.about import room_of
from captwin.sim.rtl.simulators import missing_tools
from captwin.train.zoo import load_chip
from tests.boards.host.fake_device import ABOUT, FakeDevice, about

needs_verilator = pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed")


@pytest.mark.proof
@needs_verilator
def test_digits(captwin):
    status, out, err = captwin("infer", "--port", "virtual", "--count", "200", "--json")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0 and "200/200" in err
    assert (result["chip"], result["images"], result["port"]) == ("digits", 200, "virtual")
    assert result["accuracy"] >= 0.95 and result["images_per_s"] > 0 and result["cycles"] > 0
    assert 0.9 * result["line_limit_per_s"] < result["line_images_per_s"] <= 1.01 * result["line_limit_per_s"]


@needs_verilator
def test_traces(captwin):
    status, out, _ = captwin("infer", "--port", "virtual", "--chip", "digits-tiny", "--count", "3", "--trace", "--json")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0 and result["traced"] == 4 * 3 * 8 * 10


@pytest.mark.proof
@needs_verilator
def test_mnist(captwin, mnist):
    status, out, _ = captwin("infer", "--port", "virtual", "--chip", "mnist-small", "--count", "50", "--json")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0 and result["images"] == 50 and result["accuracy"] >= 0.9


def test_wrong_answers_are_told_and_fail(captwin):
    answer = bytes(6 + 3 * 10 + 4 * 4)
    with FakeDevice(about=about(load_chip("digits-tiny")), answer=lambda image: answer) as fake:
        status, out, err = captwin("infer", "--port", fake.port, "--first", "5", "--count", "3", "--json")
    assert status == 1 and json.loads(out)["mismatches"] == 3
    assert "captwin: first mismatch: image 5: got Answer(label=0, steps=0" in err
    with FakeDevice(about=about(load_chip("digits-tiny")), answer=lambda image: answer[:-1]) as fake:
        status, out, err = captwin("infer", "--port", fake.port, "--count", "3")
    assert status == 1 and not out and "15 bytes came where 16 should have" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "/dev/none"), "/dev/none: cannot be opened"),
        (("--port", "virtual", "--chip", "nothing"), "nothing: no such chip file"),
        (("--port", "virtual", "--count", "361"), "images: digits has 360 test images, not 361"),
    ],
)
def test_mistakes(captwin, arguments, told):
    status, out, err = captwin("infer", *arguments)
    assert status == 1 and not out and told in err and "Traceback" not in err


def test_another_chip_in_the_board(captwin):
    with FakeDevice(about=about(load_chip("digits"))) as fake:
        status, _, err = captwin("infer", "--port", fake.port, "--chip", "digits-tiny")
    assert status == 1
    held, said = (f"{load_chip(name).build_id:016x}" for name in ("digits", "digits-tiny"))
    assert f"holds chip {held}, digits-tiny is {said}" in err
    with FakeDevice() as fake:
        status, _, err = captwin("infer", "--port", fake.port)
    assert status == 1 and "holds chip 0123456789abcdef, unknown here; name its file with --chip" in err


def test_a_device_that_holds_no_known_chip(captwin):
    chip = load_chip("digits-tiny")
    space = asdict(room_of(Core(chip, CoreOptions(loadable=True))))
    told = {name: value for name, value in ABOUT.items() if name not in ("build_id", "sizes", "steps")}
    with FakeDevice(about=json.dumps(told | {"protocol": 2, "room": space}).encode()) as fake:
        for arguments, name in (((), "CHIP"), (("--chip", "digits-tiny"), "digits-tiny")):
            status, out, err = captwin("infer", "--port", fake.port, *arguments)
            assert status == 1 and not out and err.count("\n") == 1
            assert (
                f"holds no known chip, as after a load that was interrupted; load one: captwin load {name} --port"
                in err
            )


def test_a_board_that_is_unplugged_in_the_midst(captwin):
    def unplugged(number: int, reply: bytes) -> bytes:
        if number == 3:
            os.close(fake._host)
            fake._host = os.open(os.devnull, os.O_RDONLY)  # which is closed in its place
            tty_end, fake._end = fake._end, os.open(os.devnull, os.O_RDWR)
            os.close(tty_end)
            return b""
        return reply

    chip = load_chip("digits-tiny")
    with FakeDevice(unplugged, about=about(chip), answer=lambda image: bytes(6 + 3 * 10 + 4 * 4)) as fake:
        status, out, err = captwin("infer", "--port", fake.port, "--count", "20")
    assert status == 1 and not out and f"{fake.port}: gone (" in err and "Traceback" not in err


def test_ports_that_are_none(captwin, tmp_path):
    (tmp_path / "file").write_text("no port")
    os.mkfifo(tmp_path / "fifo")
    for verb in (("infer",), ("load", "digits-tiny")):
        for port in ("file", "fifo", "missing"):
            status, out, err = captwin(*verb, "--port", str(tmp_path / port))
            assert status == 1 and not out and "cannot be opened" in err and "Traceback" not in err
    assert (tmp_path / "file").read_text() == "no port"
