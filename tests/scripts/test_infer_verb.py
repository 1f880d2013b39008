"""``captwin infer``: what it prints, and what it says of mistakes."""

import json

import pytest

from sim.rtl.simulators import missing_tools
from tests.boards.fake_device import FakeDevice, about
from train.zoo import load_chip

needs_verilator = pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed")


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
