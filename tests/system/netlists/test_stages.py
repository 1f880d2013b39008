"""What the tools make of a chip, netlist by netlist down to the bitstream, against the golden model."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Payload, fields
from captwin.hw.gates.core import Core, CoreOptions
from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.testbench.launch import run_testbench
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.system.netlists.probe import Probe
from tests.system.netlists.stages import STAGES, TARGETS, TOP, Stage, cells

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(bool(missing_tools("icarus")), reason="Icarus Verilog is not installed"),
]
WITHOUT_ICEBOX = pytest.mark.skipif(
    shutil.which("icebox_vlog") is None, reason="icebox_vlog (fpga-icestorm) is not installed"
)
#: cells that each target's netlist must have, for the proof to be one of them
BLOCKS = {"ice40": {"SB_RAM40_4K"}, "ecp5": {"DP16KD", "MULT18X18D", "TRELLIS_DPR16X4"}}
IMAGES = 20


@dataclass(frozen=True)
class Built:
    """What the tools made of a probed chip, in ``folder``."""

    chip: Chip
    probe: Probe
    folder: Path


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """Builds the smallest chip for a target, once."""

    @cache
    def build(target: str, *, serial: bool = False) -> Built:
        chip = load_chip("digits-tiny")
        probe = Probe(Core(chip, CoreOptions(pixel_lanes=1, row_banks=1, lanes=1, serial=serial)))
        folder = tmp_path_factory.mktemp(target)
        TARGETS[target].implement(probe, folder)
        assert BLOCKS[target] <= set(cells(folder))
        return Built(chip, probe, folder)

    return build


def compare(built: Built, sources: Sequence[Path], pixels: np.ndarray, folder: Path) -> None:
    """Simulates a netlist of ``built`` and asserts that every answer, whole, is golden's."""
    np.save(folder / "images.npy", pixels, allow_pickle=False)
    arguments = ["-DNO_ICE40_DEFAULT_ASSIGNMENTS"]
    run_testbench("icarus", sources, TOP, "tests.system.netlists.probe_testbench", folder, arguments=arguments)
    assert (folder / "answers.json").exists(), f"the bench stopped early; see {folder / 'run.log'}"
    answers = json.loads((folder / "answers.json").read_text())
    assert len(answers) == len(pixels)
    expected = golden.run(built.chip, pixels)
    payload = Payload(fields(built.probe.layout))
    for n, answer in enumerate(answers):
        got = payload.unpack(int.from_bytes(bytes(answer), "little"))
        assert got["label"] == expected.labels[n] and got["steps"] == expected.steps[n], f"image {n}"
        for name, numbers in (("counts", expected.counts[n]), ("membranes", expected.membranes[n])):
            assert [got[f"{name}[{c}]"] for c in range(built.chip.classes)] == list(numbers), f"image {n}"


@pytest.mark.parametrize(
    "stage",
    [pytest.param(stage, id=str(stage), marks=WITHOUT_ICEBOX if stage.name == "bitstream" else ()) for stage in STAGES],
)
def test_netlist(stage: Stage, build: Callable[..., Built], tmp_path: Path) -> None:
    built = build(stage.target)
    pixels = load_dataset("digits").test_images[:IMAGES]
    compare(built, [stage.verilog(built.folder), *stage.models], pixels, tmp_path)


@WITHOUT_ICEBOX
def test_bitstream_of_a_serial_core(build: Callable[..., Built], tmp_path: Path) -> None:
    built, stage = build("ice40", serial=True), next(stage for stage in STAGES if stage.name == "bitstream")
    compare(built, [stage.verilog(built.folder), *stage.models], load_dataset("digits").test_images[:2], tmp_path)


def test_one_charge_that_differs_is_seen(build: Callable[..., Built], tmp_path: Path) -> None:
    built, pixels = build("ice40"), load_dataset("digits").test_images[:IMAGES]
    layer = built.chip.layers[0]
    charges = layer.charges.copy()
    charges[27, 3] ^= 1
    other = replace(built.chip, layers=(replace(layer, charges=charges),))
    ours, theirs = (golden.run(chip, pixels).membranes for chip in (built.chip, other))
    differing = (ours != theirs).any(1)
    assert differing.any()
    stage = STAGES[0]
    with pytest.raises(AssertionError, match=r"^image 0"):
        compare(
            replace(built, chip=other), [stage.verilog(built.folder), *stage.models], pixels[differing][:1], tmp_path
        )
