"""``captwin load`` and ``captwin virtual``."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.about import room_of
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.virtual import LOADABLE, VirtualBoard
from captwin.train.zoo import load_chip
from tests.boards.host.fake_device import FakeDevice, about
from tests.support.proofs import proofs

pytestmark = pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed")


def test_load_and_infer(captwin, tmp_path):
    chip = load_chip("digits-tiny")
    (layer,) = chip.layers
    other = replace(chip, layers=(replace(layer, charges=np.roll(layer.charges, 1, axis=1)),))
    other.save(tmp_path / "other.safetensors")
    path = str(tmp_path / "other.safetensors")
    with VirtualBoard(Core(chip, LOADABLE)) as board:
        status, out, err = captwin("infer", "--port", board.port, "--chip", path)
        assert status == 1 and f"try: captwin load {path} --port {board.port}" in err
        status, out, err = captwin("load", path, "--port", board.port, "--json")
        result = json.loads(out)
        assert status == 0 and result["mismatches"] == 0 and result["checked"] == 8
        assert result["build_id"] == f"{other.build_id:016x}" and result["bytes"] > 1000
        status, out, _ = captwin("infer", "--port", board.port, "--chip", path, "--data", "digits", "--json")
        result = json.loads(out)
        assert status == 0 and result["mismatches"] == 0 and result["images"] == 200 and result["accuracy"] < 0.2
        assert 0.9 * result["line_limit_per_s"] < result["line_images_per_s"] <= 1.01 * result["line_limit_per_s"]
        status, out, err = captwin("load", "mnist", "--port", board.port)
        assert status == 1 and not out
        assert f"captwin: {board.port}: a 784-512-256-10 chip does not fit a device of 64-10; build" in err
    with VirtualBoard(Core(chip, CoreOptions())) as board:
        status, out, err = captwin("load", "digits-tiny", "--port", board.port)
        assert status == 1 and "cannot be loaded; build its bitstream with --loadable" in err


def test_a_device_of_another_captwin(captwin):
    chip = load_chip("digits-tiny")
    space = asdict(room_of(Core(chip, LOADABLE))) | {"description": None}
    for told, reason in (
        ({"room": {}}, "describes itself wrongly ('room.sizes': Field required); build its bitstream again"),
        ({"room": space}, "is loaded in an older way; build its bitstream again"),
    ):
        with FakeDevice(about=json.dumps(json.loads(about(chip)) | told).encode()) as fake:
            status, out, err = captwin("load", "digits-tiny", "--port", fake.port)
        assert status == 1 and not out and reason in err.splitlines()[-1] and "Traceback" not in err


@pytest.mark.parametrize("end", proofs([signal.SIGINT, signal.SIGTERM]))
def test_virtual(captwin, end):
    command = [sys.executable, "-m", "captwin.scripts.main", "virtual", "digits-tiny", "--baud", "6000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip()
        status, out, _ = captwin("infer", "--port", port, "--count", "5", "--json")
        result = json.loads(out)
        assert status == 0 and result["mismatches"] == 0 and result["chip"] == "digits-tiny"
        process.send_signal(end)
        assert process.wait(20) == 0
        assert f"digits-tiny is at {port}" in process.stderr.read()
