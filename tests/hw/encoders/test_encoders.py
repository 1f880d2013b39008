"""What holds of every kind of encoder, found by its kind."""

import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from captwin.boards.host.loading import padded
from captwin.hw import encoders
from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS, make_encoder
from captwin.hw.encoders.encoder import PIXEL_MAX
from captwin.hw.gates.core import Core
from captwin.hw.gates.encoder import SpikeEncoder
from captwin.hw.gates.options import CoreOptions
from captwin.hw.link.about import About, about_core
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.verbs.chip.train import EncoderOption
from captwin.sim.activity import Activity, LayerActivity
from captwin.sim.encode import encode
from captwin.train.config import load_config
from tests.support.chips import random_chip, random_encoder, setting_ranges
from tests.support.paths import DOCS

KINDS = st.sampled_from(list(ENCODERS))
SEEDS = st.integers(0, 1 << 32)


def test_each_file_of_the_folder_is_found() -> None:
    folder = Path(encoders.__file__).parent
    assert set(ENCODERS) == {path.stem for path in folder.glob("*.py")} - {"__init__", "encoder", "phase_and_seed"}
    assert all(made.__module__ == f"captwin.hw.encoders.{kind}" for kind, made in ENCODERS.items())


def test_without_a_kind_it_is_rate() -> None:
    assert make_encoder(steps=3, phase=5) == ENCODERS["rate"](steps=3, phase=5)


@pytest.mark.parametrize("kind", ["morse", 3, None, ["rate"]])
def test_an_unknown_kind_is_refused_with_the_known_ones(kind: object) -> None:
    with pytest.raises(ValidationError) as caught:
        make_encoder(kind=kind)
    (fault,) = caught.value.errors()
    assert fault["loc"] == ("kind",) and all(f"'{known}'" in fault["msg"] for known in ENCODERS)


@pytest.mark.parametrize("kind", ENCODERS)
def test_settings_have_ranges_and_are_checked(kind: str) -> None:
    for name, (low, high) in setting_ranges(kind).items():
        assert make_encoder(kind=kind, **{name: low}) != make_encoder(kind=kind, **{name: high})
        for wrong in (low - 1, high + 1, float(low), str(low), True, None):
            with pytest.raises(ValidationError) as caught:
                make_encoder(kind=kind, **{name: wrong})
            assert caught.value.errors()[0]["loc"] == (name,)
    with pytest.raises(ValidationError, match="Unexpected keyword argument"):
        make_encoder(kind=kind, colour=1)


@given(kind=KINDS, seed=SEEDS)
def test_settings_of_the_gates_are_fields_that_fit(kind: str, seed: int) -> None:
    encoder = random_encoder(np.random.default_rng(seed), kind)
    ranges = setting_ranges(kind)
    for name, bits in encoder.GATE_SETTINGS.items():
        assert ranges[name][1] < 1 << bits
    (settings,) = SpikeEncoder(encoder, 5, 2).contents
    other = replace(encoder, **{name: ranges[name][0] + ranges[name][1] - getattr(encoder, name) for name in ranges})
    (others,) = SpikeEncoder(other, 5, 2).contents
    changed = any(getattr(other, name) != getattr(encoder, name) for name in ("steps", *encoder.GATE_SETTINGS))
    assert (settings.words != others.words) == changed and settings.width == others.width


@given(kind=KINDS, seed=SEEDS, pixels=st.integers(1, 20), more=st.integers(0, 5))
def test_added_pixels_never_spike_and_change_nothing(kind: str, seed: int, pixels: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    encoder = random_encoder(rng, kind)
    image = rng.integers(0, PIXEL_MAX + 1, pixels).astype(np.uint8)
    if encoder.padding_obstacle(pixels, pixels + more) is None:
        spikes = encode(encoder, np.pad(image, (0, more)))
        np.testing.assert_array_equal(spikes[:, :pixels], encode(encoder, image))
        assert not spikes[:, pixels:].any()
    assert encoder.padding_obstacle(pixels, pixels) is None


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("lanes", [1, 32])
@pytest.mark.parametrize("steps", [1, 2, 7, 255])
def test_latency_is_that_of_the_gates(kind: str, lanes: int, steps: int) -> None:
    """Cycles from the image's last beat to the first word, counted in Amaranth's simulator."""
    block = SpikeEncoder(random_encoder(np.random.default_rng(1), kind, steps=steps), lanes, lanes)
    cycles = []

    async def send_and_wait(ctx) -> None:
        ctx.set(block.pixels.valid, 1)
        await ctx.tick().until(block.pixels.ready)  # the image's only beat
        ctx.set(block.pixels.valid, 0)
        for cycle in range(1, 100):
            _, _, valid = await ctx.tick().sample(block.spikes.valid)
            if valid:
                cycles.append(cycle)
                return

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(send_and_wait)
    simulator.run()
    assert cycles == [SpikeEncoder.latency(block.encoder, lanes)]


@pytest.mark.parametrize("kind", ENCODERS)
def test_chip_file_and_configuration_take_it(kind: str, tmp_path: Path) -> None:
    encoder = random_encoder(np.random.default_rng(2), kind)
    chip = replace(random_chip(1, sizes=(4, 2)), encoder=encoder)
    chip.save(tmp_path / "chip.safetensors")
    assert Chip.load(tmp_path / "chip.safetensors").encoder == encoder
    settings = {entry.name: getattr(encoder, entry.name) for entry in fields(encoder)}
    lines = [f"{name} = {value!r}" for name, value in settings.items()]
    (tmp_path / "own.toml").write_text("\n".join(['data = "digits"', "hidden = [4]", "[encoder]", *lines]))
    config = load_config(tmp_path / "own.toml")
    assert config.encoder == encoder
    assert config.model_dump(mode="json")["encoder"] == settings


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_board_tells_it_and_takes_no_other(kind: str) -> None:
    chip = random_chip(3, sizes=(11, 6, 4), kind=kind)
    device = about_core(Core(chip, CoreOptions(lanes=2, loadable=True)), 1e8, 1e6)
    known = About.read(device.text(chip).whole)
    assert known.room and known.room.encoder == kind
    padded(chip, known.room)
    for other in set(ENCODERS) - {kind}:
        with pytest.raises(CaptwinError, match=f"the chip's encoder is `{kind}`, the device's `{other}`"):
            padded(chip, replace(known.room, encoder=other))


@pytest.mark.parametrize("kind", ENCODERS)
def test_pixels_that_never_spike_are_told_with_the_kinds_own_advice(kind: str) -> None:
    layers = (LayerActivity(spike_rate=0.5, silent=0, always_on=0, clamped=0),)
    (line,) = Activity(9, 0.5, 0.0, layers, ENCODERS[kind].ADVICE).warnings()
    assert line == f"encoder: 50 % of the pixels that are not black never spike; {ENCODERS[kind].ADVICE}"
    named = set(re.findall(r"encoder's (\w+)(?: or (\w+))?", ENCODERS[kind].ADVICE)[0]) - {""}
    assert named <= {"steps", *ENCODERS[kind].GATE_SETTINGS}


def test_the_command_line_names_each_kind() -> None:
    (option,) = EncoderOption.__metadata__
    assert all(kind in option.help for kind in ENCODERS)


def test_the_page_describes_each_kind_and_its_settings() -> None:
    page = (DOCS / "arithmetic.md").read_text()
    chapter = page[page.index("\n## Encoders") : page.index("\n## A layer")]
    sections = dict(re.findall(r"\n### `(\w+)`\n(.*?)(?=\n### |\Z)", chapter, re.DOTALL))
    assert set(sections) == set(ENCODERS)
    for kind, text in sections.items():
        parameters = re.search(r"Parameters?: (.*?)\.\n", text + "\n", re.DOTALL)
        described = dict.fromkeys(re.findall(r"`(\w+)`", parameters[1] if parameters else ""))
        assert set(described) == set(ENCODERS[kind].GATE_SETTINGS) - {"steps"}
        for name in described:
            low, high = setting_ranges(kind)[name]
            top = f"2^{(high + 1).bit_length() - 1} - 1" if high > 255 else str(high)
            assert f"`{name}`, {low} to {top}" in text


@pytest.mark.parametrize(
    "command",
    [
        "from captwin.hw import encoders; [encoders.make_encoder(kind=kind) for kind in encoders.ENCODERS]",
        "from captwin.train.zoo import load_chip; load_chip('digits')",
        "from captwin.scripts.verbs.chip.evaluate import evaluate; evaluate('digits')",
    ],
    ids=["encoders", "chip", "evaluate"],
)
def test_what_a_chip_is_and_does_needs_no_hdl(command: str) -> None:
    check = "; import sys; print(*{'amaranth'} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", command + check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "\n"), done.stderr


def test_json_schemas_list_the_kinds() -> None:
    assert TypeAdapter(encoders.EncoderKind).json_schema()["enum"] == list(ENCODERS)
