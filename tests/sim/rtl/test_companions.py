"""The files beside a core's Verilog: which are written, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from captwin.hw.export.sidecar import Sidecar, describe
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.sim.rtl.companions import Companions, random_images
from tests.support.chips import random_chip

CHIP = random_chip(22, sizes=(5, 4, 3))


@pytest.fixture(scope="module")
def sidecar() -> Sidecar:
    core = Core(CHIP, CoreOptions())
    return describe(core, core, "mine")


@pytest.mark.parametrize(
    ("kinds", "names"),
    [
        ([], set()),
        (["instance"], {"core_instance.vh"}),
        (["fusesoc"], {"core.core", "core_tb.v", "core.sdc", "core.xdc"}),  # those that it names are there too
    ],
)
def test_files_of_the_kinds(sidecar: Sidecar, kinds: list[str], names: set[str]) -> None:
    texts = Companions(CHIP, kinds)(sidecar, Path("place/core.v"))
    assert texts.keys() == {Path("place") / name for name in names}


def test_the_images_of_the_testbench(sidecar: Sidecar) -> None:
    def testbench(**images: object) -> str:
        return Companions(CHIP, ["testbench"], **images)(sidecar, Path("core.v"))[Path("core_tb.v")]

    assert testbench(pixels=random_images(CHIP, 3)) == testbench()
    assert testbench(pixels=random_images(CHIP, 2)) != testbench()
    assert "(two of ours)" in testbench(pixels=random_images(CHIP, 2), pixels_note="two of ours")
    with pytest.raises(CaptwinError, match="this chip takes"):
        testbench(pixels=np.zeros((2, 7), np.uint8))


def test_mistakes(sidecar: Sidecar) -> None:
    with pytest.raises(CaptwinError, match="no 'bench'"):
        Companions(CHIP, ["bench"])
    with pytest.raises(CaptwinError, match="the Verilog file: expected a plain name"):
        Companions(CHIP)(sidecar, Path("a\nb.v"))
