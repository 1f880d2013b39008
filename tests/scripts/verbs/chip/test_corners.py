"""``captwin corners``: a chip and a circuit over all conditions that there are tables for."""

import json

import pytest

from captwin.sim.neurons.circuits import load_circuit
from tests.support.corners import SHIFTS, save_tables


@pytest.fixture
def mine(tmp_path):
    save_tables(tmp_path / "mine.json", load_circuit("charge_share"))
    return ("--circuit", "mine")


def test_a_chip_over_corners(captwin, tmp_path, mine):
    status, out, err = captwin("corners", "digits-tiny", *mine, "--images", "100", "-o", "corners.png", "--json")
    result = json.loads(out)
    assert status == 0 and (tmp_path / "corners.png").read_bytes().startswith(b"\x89PNG")
    places = {f"{at['corner']}_{at['temperature_c']:g}": at for at in result["conditions"]}
    assert list(places) == ["tt_27", *(conditions.name for conditions in SHIFTS)]
    assert "captwin: warning: charge_share at ff, 125 deg C: fires without drive" in err
    # Each is what evaluate says of the chip there.
    for at in places.values():
        there = ("--corner", at["corner"], "--temperature", str(at["temperature_c"]))
        alone = json.loads(captwin("evaluate", "digits-tiny", *mine, *there, "--json")[1])
        assert alone["spike_rates"] == pytest.approx(at["spike_rates"], abs=0.03)
        assert alone["energy_j"] == pytest.approx(at["energy_j"], rel=0.05)
        assert alone["golden_accuracy"] == pytest.approx(at["golden_accuracy"], abs=0.1)
    accuracies = {name: at["golden_accuracy"] for name, at in places.items()}
    assert result["worst_accuracy"] == min(accuracies.values()) == accuracies[result["worst_conditions"]]
    assert result["points_lost"] == pytest.approx(100 * (accuracies["tt_27"] - result["worst_accuracy"]))
    assert result["mean_accuracy"] == pytest.approx(sum(accuracies.values()) / 4)
    thresholds = [at["threshold_v"] for at in places.values()]
    shifts = [1e-3 * round(1e3 * (threshold - thresholds[0])) for threshold in thresholds]
    assert shifts == pytest.approx([0.0, *(threshold for threshold, _ in SHIFTS.values())])
    status, out, _ = captwin("corners", "digits-tiny", *mine, "--images", "100")
    assert status == 0 and "firing drive at rest [mV]" in out and f"{100 * result['worst_accuracy']:.2f} % at" in out


def test_a_circuit_over_corners(captwin, tmp_path, mine):
    status, out, _ = captwin("corners", *mine, "-o", "corners.png", "--json")
    result = json.loads(out)
    assert status == 0 and [at["rest_v"] for at in result["conditions"]] == pytest.approx([0.72, 0.73, 0.71, 0.71])
    assert all(at["cycle_energy_j"] > 0 and 0 < at["leak"] < 1 for at in result["conditions"])
    status, out, err = captwin("corners", *mine)
    assert status == 0 and "after a spike [mV]" in out and "fires without drive" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "corners: name a chip, or a circuit alone with --circuit"),
        (("--circuit", "nothing"), "no table file 'nothing', nor a reference circuit"),
        (("digits", "--circuit", "pass_transistor"), "its drives go from "),
        (
            ("--circuit", "charge_share", "--images", "5"),
            "corners: a circuit alone runs no images; name a chip, or leave",
        ),
        (("--circuit", "charge_share", "--data", "mnist"), "corners: a circuit alone runs no images"),
    ],
)
def test_mistakes_are_one_line(captwin, tmp_path, arguments, message):
    status, out, err = captwin("corners", *arguments, "-o", "corners.png")
    assert (status, out) == (1, "") and message in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_only_pictures_are_replaced(captwin, tmp_path, mine):
    (tmp_path / "diary.txt").write_text("a diary")
    status, out, err = captwin("corners", *mine, "-o", "diary.txt")
    assert status == 1 and not out and "diary.txt: not replaced: this is no PNG picture; name another file" in err
    assert (tmp_path / "diary.txt").read_text() == "a diary"
    assert [captwin("corners", *mine, "-o", "corners.png")[0] for _ in range(2)] == [0, 0]
