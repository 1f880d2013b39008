"""What verbs say of their progress where there is no terminal."""

import io
import time

import pytest
from rich.status import Status
from rich.text import Text

from captwin.scripts.terminal import progress
from captwin.scripts.terminal.progress import Log


@pytest.fixture
def log(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_S", 0.2)
    log = Log()
    log.file = io.StringIO()
    return log


def test_a_line_now_and_then(log):
    start = time.monotonic()
    with log.progress_bar() as bar:
        task = bar.add_task("images", total=1500)
        for _ in range(1500):
            bar.advance(task)
            time.sleep(0.001)
    lines = log.file.getvalue().splitlines()
    assert 2 <= len(lines) <= (time.monotonic() - start) / 0.2 + 1 and lines[-1].startswith("images: 1,500/1,500, ")
    counts = [int(line.split()[1].split("/")[0].replace(",", "")) for line in lines]
    assert counts == sorted(set(counts))


def test_what_is_quick_says_how_it_ended(log, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_S", 10)
    with log.progress_bar() as bar:
        for _ in bar.track(range(3), description="chips"):
            time.sleep(0.15)
        task = bar.add_task("training", total=None)
        bar.update(task, description="epoch [2/2]", completed=7)
    assert log.file.getvalue() == "chips: 3/3, 0 s\nepoch [2/2]: 7, 0 s\n"


def test_status(log):
    with log.status(Text("compiling")) as status:
        time.sleep(0.3)
        status.update("placing [1]")
        time.sleep(0.5)
    lines = log.file.getvalue().splitlines()
    assert lines[0] == "compiling, 0 s" and lines[1].startswith("placing [1], ") and len(lines) <= 4
    log.file = io.StringIO()
    with pytest.raises(ZeroDivisionError), log.status("quick"):
        raise ZeroDivisionError
    assert log.file.getvalue() == ""


def test_terminal():
    log = Log()
    log.file = io.StringIO()
    log._force_terminal = True
    assert type(log.status("compiling")) is Status
    with log.progress_bar() as bar:
        bar.add_task("images", total=10, completed=10)
    assert "images ━━" in log.file.getvalue() and "10/10" in log.file.getvalue()
