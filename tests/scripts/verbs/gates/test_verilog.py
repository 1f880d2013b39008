"""``captwin verilog``, ``simulate`` and ``verify``: what they write, what they refuse, and what they leave alone."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from captwin.hw.encoders import make_encoder
from captwin.hw.support.generated import kind_of
from captwin.scripts.given import untraced
from captwin.sim.rtl.simulators import missing_tools
from tests.support.paths import DOCS
from tests.support.real_time import real_time_chip

ICARUS = pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed")


@ICARUS
def test_a_core_with_all_that_goes_with_it(captwin, tmp_path):
    arguments = ("-o", "out/tiny.v", "--top", "tiny", "--with", "all", "--clock", "25", "--images", "2")
    status, out, _ = captwin("verilog", "digits-tiny", *arguments, "--json")
    result = json.loads(out)
    names = {"tiny.v", "tiny.json", "tiny_tb.v", "tiny_instance.vh", "tiny.sdc", "tiny.xdc", "tiny.core"}
    assert status == 0 and {path.name for path in (tmp_path / "out").iterdir()} == names
    written = {Path(entry).name for key, entry in result.items() if key not in ("build_id", "layers")}
    assert written == names
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert all(kind_of(content) for content in before.values())
    assert "-period 40.000" in (tmp_path / "out/tiny.sdc").read_text()
    command = ["iverilog", "-g2005", "-o", "tb.vvp", "tiny.v", "tiny_tb.v"]
    subprocess.run(command, cwd=tmp_path / "out", check=True)
    done = subprocess.run(["vvp", "-n", "tb.vvp"], cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    assert "PASS: 2 images" in done.stdout
    (tmp_path / "out/tb.vvp").unlink()
    assert captwin("verilog", "digits-tiny", *arguments)[0] == 0  # over itself, with the same bytes
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_only_its_own_kind_is_replaced(captwin, tmp_path):
    (tmp_path / "neuron.json").write_text('{"table": 1}')
    status, out, err = captwin("verilog", "digits-tiny", "-o", "neuron.v")
    assert (status, out, err.count("\n")) == (1, "", 1) and "neuron.json: not overwritten: this is no sidecar" in err
    assert (tmp_path / "neuron.json").read_text() == '{"table": 1}' and not (tmp_path / "neuron.v").exists()
    (tmp_path / "mine_tb.v").write_text("module mine; endmodule\n")
    status, _, err = captwin("verilog", "digits-tiny", "-o", "mine.v", "--with", "testbench")
    assert status == 1 and "mine_tb.v: not overwritten: this is no testbench" in err
    assert not (tmp_path / "mine.v").exists()
    assert captwin("verilog", "digits-tiny", "-o", "neuron.v", "--force")[0] == 0
    assert json.loads((tmp_path / "neuron.json").read_text())["top"] == "captwin_core"
    with (tmp_path / "neuron.v").open("a") as file:
        file.write("// an edit\n")
    status, _, err = captwin("verilog", "digits-tiny", "-o", "neuron.v")
    assert status == 1 and "neuron.v: not overwritten" in err
    assert (tmp_path / "neuron.v").read_text().endswith("// an edit\n")


@pytest.mark.proof
@ICARUS
def test_the_examples_of_the_document(captwin, tmp_path):
    document = (DOCS / "gates.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        program, *arguments = line.split()
        if program == "captwin":
            assert captwin(*arguments)[0] == 0, line
        else:
            done = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
            assert program != "vvp" or "PASS: 3 images" in done.stdout
    described = set(re.findall(r"`(tiny[\w.]+)`", document)) - {"tiny_tb"}
    assert described == {path.name for path in tmp_path.glob("tiny*")} - {"tiny_tb.vvp", "tiny.json"}


@pytest.mark.proof
@ICARUS
def test_given_verilog(captwin, tmp_path):
    captwin("verilog", "digits-tiny", "-o", "core.v", "--top", "mine", "--trace")
    text = (tmp_path / "core.v").read_text()
    (tmp_path / "edited.v").write_text(text + "// an edit\n")
    (tmp_path / "edited.json").write_bytes((tmp_path / "core.json").read_bytes())
    arguments = ("simulate", "digits-tiny", "--simulator", "icarus", "--verilog", "edited.v", "--json")
    status, out, _ = captwin(*arguments, "--images", "1")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0 and result["verilog"] == "edited.v"
    assert result["first_divergence"] is None and result["interval_cycles"] is None and result["interval_s"] is None
    status, out, _ = captwin(*arguments[:-1], "--images", "1")
    assert status == 0 and "result to result" not in out and "first pixel to result" in out
    # An edit that matters is found.
    place = text.index("weights0_0[3] = ")
    number = text.index("'h", place) + 2
    other = "5" if text[number] != "5" else "6"
    (tmp_path / "edited.v").write_text(text[:number] + other + text[number + 1 :])
    status, out, err = captwin(*arguments, "--images", "3")
    assert status == 1 and json.loads(out)["mismatches"] > 0 and "sum expected" in json.loads(out)["first_divergence"]
    assert "captwin: first divergence: image" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verilog", "digits-tiny", "--top", "wire"), "--top: wire is a keyword"),
        (("verilog", "digits-tiny", "--top", "a b"), "--top: expected a Verilog name"),
        (("verilog", "digits-tiny", "--with", "bench"), "--with: there are instance, testbench"),
        (("verilog", "digits-tiny", "--with", "all", "-o", "a\nb.v"), "--output: expected a plain name"),
        (("verilog", "digits-tiny", "--with", "testbench", "--data", "faces"), "no data set is called 'faces'"),
        (("simulate", "digits-tiny", "--images", "99999999999"), "digits has 360 test images, not 99999999999"),
        (("simulate", "digits-tiny", "--verilog", "nothing.v"), "nothing.v: cannot read Verilog: No such file"),
        (("simulate", "digits-tiny", "--sidecar", "core.json"), "--sidecar: describes the file of --verilog"),
        (("verify", "digits-tiny", "--verilog", "/dev/zero"), "/dev/zero: expected Verilog"),
        (("verify", "digits-tiny", "--verilog", "pipe.v"), "pipe.v: cannot read Verilog: this is no regular file"),
        (("verify", "digits-tiny", "--verilog", "folder.v"), "folder.v: cannot read Verilog"),
        (("verify", "digits-tiny", "--verilog", "latin.v"), "latin.v: cannot read Verilog: no UTF-8 text"),
        (("verify", "digits-tiny", "--verilog", "latin.v", "--sidecar", "pipe.v"), "latin.v"),
        (("verify", "digits-tiny", "--images", "99999999999"), "digits has 360 test images, not 99999999999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else " ",
)
def test_mistakes(captwin, tmp_path, arguments, message):
    os.mkfifo(tmp_path / "pipe.v")
    (tmp_path / "folder.v").mkdir()
    (tmp_path / "latin.v").write_bytes(b"// gr\xf6\xdfe\n")
    before = sorted(tmp_path.rglob("*"))
    status, out, err = captwin(*arguments)
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_comparison_without_traces_is_told():
    (row,) = untraced({"spikes": 0, "membranes": 0})
    assert row.text.startswith("answers, counters and build id alone")
    assert untraced({"spikes": 0, "membranes": 1}) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--real-time",), "layers.0.gains: a real-time core takes powers of two alone; train a chip for real time"),
        (("--real-time", "--loadable"), "--loadable: a real-time core is one chip"),
        (("--real-time", "--serial"), "--real-time: a core has one kind of layers"),
        (("--real-time", "--lanes", "2"), "lanes: must be 1 in a real-time core, got 2"),
    ],
)
def test_real_time_refuses_in_one_line(captwin, tmp_path, arguments, message):
    status, out, err = captwin("verilog", "digits-tiny", *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1) and message in err
    assert list(tmp_path.iterdir()) == []


def test_a_real_time_core_takes_an_image_every_step(captwin, tmp_path):
    chip = real_time_chip(1, sizes=(64, 3, 10), encoder=make_encoder(kind="static", steps=4), knots=(2, 3))
    chip.save(tmp_path / "direct.safetensors")
    assert captwin("verilog", "direct.safetensors", "-o", "core.v", "--real-time")[0] == 0
    options = json.loads((tmp_path / "core.json").read_text())["options"]
    assert options["real_time"] and options["pixel_lanes"] == 16


@pytest.mark.proof
def test_real_time_gates_of_a_test_set(captwin, tmp_path):
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    status, out, _ = captwin("verify", "digits-realtime", "--real-time", "--json")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0
    assert set(result["interval_cycles"].values()) == {8}
