"""Settings for all tests."""

import gc
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from captwin.boards.board import Board
from captwin.boards.sizing.area import AreaModel
from captwin.hw.chip import Chip
from captwin.scripts.main import collect_seldom
from captwin.sim.rtl import program, virtual
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.mnist import mnist_folder

TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    # Tests interrupt processes that they start. A shell's background jobs ignore that, and so would all they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    collect_seldom()  # as the command line does, which some tests call
    virtual.IDLE_BITS = 4_000  # the tests' cores are small, and what is simulated while nobody talks costs much time
    if config.option.markexpr == "not proof":
        # The short tests' cores run few cycles, virtual boards more: optimising takes longer than it saves,
        # as does C++ in several parts, each of which reads Verilator's headers. Long proofs run them as users do.
        program.FAST, virtual.LEVEL = program.ONCE, "-O1"
        program.BUNDLE = 10 * program.BUNDLE


#: folders and files whose tests take seconds, the slowest first: they build or simulate gates, or train networks
SLOW = (
    "system/link",
    "hw/export/test_lint.py",
    "system",
    "sim/rtl",
    "sim/cycles",
    "boards/flow",
    "boards/sizing",
    "scripts/verbs/board/test_infer.py",
    "scripts/verbs/board/test_load.py",
    "scripts/verbs/gates/test_verify.py",
    "scripts/verbs/chip/test_report.py",
    "scripts/verbs/gates/test_verilog.py",
    "scripts/verbs/setup/test_cache.py",
    "hw/link",
    "hw/gates",
    "train/studies",
    "train/test_loop.py",
    "train/test_resuming.py",
)


@pytest.hookimpl(trylast=True)  # when the long proofs are out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers start with a half of the tests each, and in the end take the other's last ones over.

    Slow files come first in both halves, so that what is left at the end are short tests, and no worker waits long for
    the other. Files stay whole, since tests of a file share what they build.
    """
    slow: dict[Path, list[pytest.Item]] = {}
    fast: dict[Path, list[pytest.Item]] = {}

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(TESTS).as_posix()
        return next((number for number, start in enumerate(SLOW) if name.startswith(start)), len(SLOW))

    for item in sorted(items, key=place):
        (slow if place(item) < len(SLOW) else fast).setdefault(item.path, []).append(item)
    halves = list(slow.values())[::2], list(slow.values())[1::2]
    for tests in fast.values():
        min(halves, key=lambda half: sum(map(len, half))).append(tests)
    items[:] = [item for half in halves for tests in half for item in tests]


def pytest_collection_finish() -> None:
    gc.freeze()  # what has been imported stays


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Where everything is at hand (``CAPTWIN_NO_SKIPS``, set in CI), a skipped test is a failed one."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CAPTWIN_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, but CAPTWIN_NO_SKIPS is set: {report.longrepr}"


#: what has been counted of each chip on each board, see `counted_once`
_COUNTED: dict[tuple[int, str], dict[Any, Any]] = {}


@pytest.fixture
def counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All models of the area of one chip on one board remember together what they have counted of it."""
    begin = AreaModel.__init__

    def shared(model: AreaModel, chip: Chip, board: Board) -> None:
        begin(model, chip, board)
        model._counted = _COUNTED.setdefault((chip.build_id, board.name), model._counted)

    monkeypatch.setattr(AreaModel, "__init__", shared)


@pytest.fixture(scope="session")
def mnist():
    """The MNIST data set; tests that ask for it are skipped where its files are not at hand."""
    if mnist_folder() is None:
        pytest.skip("MNIST is not on this machine: name a folder with its files in CAPTWIN_DATA")
    return load_dataset("mnist")
