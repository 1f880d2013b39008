"""Settings for all tests."""

import os
import signal
from typing import Any

import pytest

from captwin.sim.rtl import program
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.mnist import mnist_folder


def pytest_configure(config: pytest.Config) -> None:
    # Tests interrupt processes that they start. A shell's background jobs ignore that, and so would all they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.markexpr == "not proof":
        # The short tests' cores run few cycles: much optimising would take longer than it saves, as would compiling
        # their C++ in several parts, each of which reads Verilator's headers. The long proofs run them as users do.
        program.FAST = "-O1"
        program.BUNDLE = 10 * program.BUNDLE


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Where everything is at hand (``CAPTWIN_NO_SKIPS``, set in CI), a skipped test is a failed one."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("CAPTWIN_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, but CAPTWIN_NO_SKIPS is set: {report.longrepr}"


@pytest.fixture(scope="session")
def mnist():
    """The MNIST data set; tests that ask for it are skipped where its files are not at hand."""
    if mnist_folder() is None:
        pytest.skip("MNIST is not on this machine: name a folder with its files in CAPTWIN_DATA")
    return load_dataset("mnist")
