"""``captwin report``: a mismatch fails, mistakes end in one line, and an old page is kept."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.sim.rtl.scoreboard import Divergence
from tests.scripts.verbs.chip.report_page import BOARD


def test_a_mismatch_stands_out_and_fails(captwin, folder, gates):
    gates(mismatches=3, first_divergence=Divergence(17, 2, 0, 7, "membrane", 100, 101, 4711))
    status, out, err = captwin("report", "digits-tiny", "--board", BOARD, "--json")
    assert status == 1 and json.loads(out)["mismatches"] == 3
    assert "captwin: first divergence: image 17, step 2, layer 0, neuron 7: membrane expected 100, got 101" in err
    text = (folder / "report.html").read_text()
    alarm = re.search(r'<p class="alarm" role="alert">(.*?)</p>', text)
    assert alarm and "The gates differ" in alarm[1] and "3 numbers differ; the first: image 17, step 2" in alarm[1]
    assert "do not agree with the golden model" in text and "3 mismatches" in text and "0 mismatches" not in text


def test_an_interruption_leaves_the_old_page(captwin, folder, gates, monkeypatch):
    (folder / "report.html").write_text("old")
    before = sorted(folder.iterdir())

    def stop(measured: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("captwin.scripts.verbs.chip.report.page", stop)
    status, out, _ = captwin("report", "digits-tiny", "--board", BOARD)
    assert (status, out) == (130, "")
    assert (folder / "report.html").read_text() == "old" and sorted(folder.iterdir()) == before


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(change((folder / name).read_text())) and None


@pytest.mark.parametrize(
    ("arguments", "harm", "message"),
    [
        (("digits", "--board", BOARD), None, "no build; try: captwin build digits --board icebreaker, or name its"),
        (("digits-tiny", "--board", "ice40-hx8k"), None, "no build; try: captwin build digits-tiny --board ice40-hx8k"),
        (("digits-tiny", "--board", "ice40-hx8k", "--build", "BUILD"), None, "is for icebreaker, not for ice40-hx8k"),
        (("digits", "--board", BOARD, "--build", "BUILD"), None, "this bitstream is of chip"),
        (("digits-tiny", "--board", "zx81"), None, "zx81: no such board"),
        (("nothing", "--board", BOARD), None, "nothing: no such chip file"),
        (("digits-tiny", "--board", BOARD, "--images", "361"), None, "images: digits has 360 test images, not 361"),
        (("digits-tiny", "--board", BOARD, "-o", "build"), None, "build: cannot write: this is a folder"),
        (
            ("digits-tiny", "--board", BOARD),
            edit("captwin.bin", lambda text: "other"),
            "captwin.bin: is not the file that its manifest tells of",
        ),
        (("digits-tiny", "--board", BOARD), edit("manifest.json", lambda text: "{}"), "is not a build's manifest"),
        (
            ("digits-tiny", "--board", BOARD),
            edit("manifest.json", lambda text: text.replace('"seed": 2', '"seed": "two"')),
            "is not a build's manifest",
        ),
        (
            ("digits-tiny", "--board", BOARD),
            lambda folder: (folder / "report.json").unlink(),
            "report.json: cannot read nextpnr's report",
        ),
        (("digits-tiny", "--board", BOARD), edit("report.json", lambda text: "[1]"), "report.json: is not nextpnr's"),
        (
            ("digits-tiny", "--board", BOARD),
            edit("report.json", lambda text: text.replace("100.0", "99.0")),
            "report.json: is not the report of this build",
        ),
    ],
)
def test_mistakes(captwin, tmp_path, folder, gates, arguments, harm, message):
    if harm:
        harm(folder)
    before = sorted(tmp_path.rglob("*"))
    status, out, err = captwin("report", *(str(folder) if word == "BUILD" else word for word in arguments))
    assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), err
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


def test_gates_that_cannot_be_compiled(captwin, tmp_path, folder, monkeypatch):
    def fail(*arguments: object) -> None:
        raise CaptwinError("verilator: not installed")

    monkeypatch.setattr("captwin.scripts.verbs.chip.report.run_compiled", fail)
    status, _, err = captwin("report", "digits-tiny", "--board", BOARD)
    assert (status, err) == (1, "captwin: verilator: not installed\n") and not (folder / "report.html").exists()
