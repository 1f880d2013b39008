"""``captwin report``: the page holds what the models say, and needs nothing else."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.gates.options import CoreOptions
from captwin.scripts.labels import PART_LABELS
from captwin.scripts.quantities import energy_text
from captwin.sim import energy, golden
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.neurons.deviation import deviation
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.twin import build
from captwin.sim.rtl.verify import verify
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.scripts.verbs.chip.report_page import BOARD, Page, fake_build, words
from tests.support.proofs import proofs

SECTIONS = ["accuracy", "speed", "timing", "neurons", "inference", "energy", "provenance"]


def spread_text(joules: np.ndarray) -> str:
    return " ".join(energy_text(float(number)) for number in (joules.min(), joules.mean(), joules.max()))


def test_the_page_says_what_the_models_say(captwin, folder, chip):
    if missing := missing_tools("verilator"):
        pytest.skip(f"verilator lacks {', '.join(missing)}")
    status, out, err = captwin("report", "digits-tiny", "--board", BOARD, "--images", "30", "--json")
    result = json.loads(out)
    assert status == 0 and "30/30" in err and result["page"] == f"build/digits-tiny-{BOARD}/report.html"
    page = Page((folder / "report.html").read_text())
    assert page.sections == SECTIONS

    data = load_dataset("digits")
    outcome = golden.run(chip, data.test_images)
    accuracy = (outcome.labels == data.test_labels).mean()
    assert result["golden_accuracy"] == accuracy
    head, speed = words(page.texts[""]), words(page.texts["speed"])
    assert f"{100 * accuracy:.2f} % of 360 digits test images classified correctly" in head
    for label in range(10):
        here = outcome.labels[data.test_labels == label]
        row = " ".join(str(number) if number else "·" for number in np.bincount(here, minlength=10))
        recall = f"{100 * (here == label).mean():.1f}"
        assert f"{label} {row} {len(here)} {recall}" in words(page.texts["accuracy"])

    again = verify(build(chip, CoreOptions(2, (1,), (1,))), chip, data.test_images[:30])
    cycles = again.latency_cycles
    assert result["images"] == 30 and result["mismatches"] == again.mismatches == 0
    assert result["images_per_s"] == 30e6 / again.interval_cycles.mean()
    assert result["latency_s"] == [cycles.min() / 30e6, np.median(cycles) / 30e6, cycles.max() / 30e6]
    assert f"{result['images_per_s']:,.0f} images/s and {1e6 * result['latency_s'][1]:.2f} µs latency at 30 MHz" in head
    assert "0 mismatches" in speed
    for label, numbers in (("first pixel to result", cycles), ("result to result", again.interval_cycles)):
        spread = [float(pick(numbers)) for pick in (np.min, np.median, np.mean, np.max)]
        whole = (f"{number:,.0f}" if number % 1 == 0 else f"{number:,.1f}" for number in spread)
        assert f"{label} [cycles] {' '.join(whole)}" in speed
        assert f"{label} [µs] {' '.join(f'{number / 30:.2f}' for number in spread)}" in speed
    assert f"ran the first 30 of 360 test images. Of {sum(again.compared.values()):,} sums" in speed
    assert f"{100 * again.events_per_cycle[0]:.1f} %" in speed

    joules = energy.measure(chip, data.test_images)
    total, terms = joules.total, joules.joules.sum(axis=1)
    assert result["energy_j"] == joules.total.mean()
    told = words(page.texts["energy"])
    assert f"total {spread_text(total)} 100.0 %" in told and "0.001 nJ" not in told
    for part, term in zip(energy.PARTS, terms.T, strict=True):
        assert f"{PART_LABELS[part]} {spread_text(term)}" in told

    error = deviation(chip.layers[0], chip.formats, load_circuit("charge_share"))
    for b, state in enumerate(("silent neuron", "just fired")):
        rms, most = (
            1e3 * number for number in (np.sqrt((error.membrane[b] ** 2).mean()), abs(error.membrane[b]).max())
        )
        assert f"{state} {rms:.3f} {most:.3f}" in words(page.texts["neurons"])


def test_timing_and_provenance_are_the_builds(captwin, folder, gates):
    status, _, _ = captwin("report", "digits-tiny", "--board", BOARD)
    assert status == 0
    page = Page((folder / "report.html").read_text())
    timing, provenance = words(page.texts["timing"]), words(page.texts["provenance"])
    assert "1 61.7 30.0 +105.7 % 2, kept 100.0 30.0 +233.3 %" in timing
    assert "takes 10.00 ns, 72 % of it routing" in timing
    assert "0 core.layer0.neurons.lane0_v_11 clk-to-q 1 5, 23 1.00 1.00" in timing
    assert "1 core.layer0.neurons.lane0_climb_12 logic 1 9, 20 7.25 1.50 9.75" in timing
    assert "logic cells, each LUT4 and flip-flop 2,640 5,280 50.0 %" in timing and "block RAMs 8 30 26.7 %" in timing
    manifest = json.loads((folder / "manifest.json").read_text())
    for told in (manifest["build_id"], *manifest["sha256"].values(), *manifest["versions"].values()):
        assert told in provenance
    # Figures are at the clock that was asked for; what was reached is the reserve.
    head = words(page.texts[""])
    assert "clock 30 MHz reserve 233.3 %: 100.0 MHz reached" in head
    assert "at 30 MHz (place and route reached 100.0 MHz, 233.3 % in reserve)" in head
    assert "The core runs at 30 MHz; place and route reached 100.0 MHz, 233.3 % in reserve." in timing
    again = "--seeds 2 --fixed --parallel --pixel-lanes 2 --row-banks 1 --lanes 1 -o"
    assert f"captwin build digits-tiny --board icebreaker {again}" in provenance
    assert "ran all 360 test images" in words(page.texts["speed"])


def test_cycles_have_one_source(captwin, folder, gates):
    # The first image need not be the fastest: two programs run, and each begins with an idle core.
    gates(latency_cycles=np.append([354], np.full(359, 353)))
    assert captwin("report", "digits-tiny", "--board", BOARD)[0] == 0
    page = Page((folder / "report.html").read_text())
    speed = words(page.texts["speed"])
    assert "first pixel to result [cycles] 353 353 353.0 354" in speed and speed.count("354") == 1
    # Bars stand on a zero: no axis of the histograms is logarithmic.
    histograms = re.findall(r"<svg .*?</svg>", (folder / "report.html").read_text(), re.DOTALL)[0]
    assert ">images</text>" in histograms and histograms.count(">0</text>") == 2


def test_a_phone_can_scroll_to_all_of_it(captwin, folder, gates):
    assert captwin("report", "digits-tiny", "--board", BOARD)[0] == 0
    text = (folder / "report.html").read_text()
    for wide in ("<table", "<svg "):
        inside = re.findall(rf'<div class="wide" tabindex="0">\s*{wide}', text)
        assert len(inside) == text.count(wide) > 0
    assert re.search(r"\.wide \{\s*overflow-x: auto;", text)


@pytest.mark.parametrize("name", ["digits-tiny", *proofs(["digits-small"])])
def test_the_page_needs_nothing_else_and_is_always_the_same(captwin, tmp_path, gates, name):
    folder = fake_build(tmp_path / "made", load_chip(name))
    pages = []
    for output in ("a.html", "b/b.html"):
        status, _, _ = captwin("report", name, "--board", BOARD, "--build", "made", "-o", output)
        assert status == 0
        pages.append((tmp_path / output).read_text())
    assert pages[0] == pages[1] and len(pages[0]) < 3_000_000
    page = Page(pages[0])
    assert page.fetched == [] and page.sections == SECTIONS
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', pages[0])
    assert policy and policy[1].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert "<script" not in pages[0]
    assert not re.search(r"https?:|@import|url\((?!#)|file:/", pages[0])
    assert len(page.ids) == len(set(page.ids)), "the names inside drawings must differ"
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', pages[0]))
    assert used <= set(page.ids)
    assert set(re.findall(r"var\((--\w+)", pages[0])) <= set(re.findall(r"(--\w+):", pages[0]))
    assert sorted(path.name for path in folder.iterdir()) == ["captwin.bin", "manifest.json", "report.json"]


def test_one_image_and_no_energy(captwin, tmp_path, gates, chip):
    mute = replace(
        chip, layers=(replace(chip.layers[0], energy=None),), analog=replace(chip.analog, table_sha256="0" * 64)
    )
    mute.save(tmp_path / "mute.safetensors")
    folder = fake_build(tmp_path / f"build/mute-{BOARD}", mute)
    status, out, _ = captwin("report", "mute.safetensors", "--board", BOARD, "--images", "1", "--json")
    result = json.loads(out)
    assert status == 0 and result["energy_j"] is None and result["images_per_s"] is None
    page = Page((folder / "report.html").read_text())
    assert "has no energy surface" in page.texts["energy"] and page.sections == SECTIONS
    assert "does not come with Captwin" in page.texts["neurons"] and "nan" not in words(page.texts["speed"])


def test_names_are_escaped(captwin, tmp_path, gates, chip):
    name = "<b>&.safetensors"
    script = "</dd></style><script>alert(1)</script>{{ 7 * 7 }}"
    chip = replace(chip, provenance=chip.provenance | {"remark": script, script: 1})
    chip.save(tmp_path / name)
    folder = fake_build(tmp_path / "made", chip)
    status, _, _ = captwin("report", name, "--board", BOARD, "--build", "made")
    assert status == 0
    text = (folder / "report.html").read_text()
    assert "<b>&." not in text and "&lt;b&gt;&amp;.safetensors" in text
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text and "{{ 7 * 7 }}" in text
    Page(text)
