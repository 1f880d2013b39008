"""The command line as a fixture."""

import sys

import pytest

from captwin.scripts.main import main


@pytest.fixture
def captwin(monkeypatch, tmp_path, capsys):
    """Runs the command line in an empty folder; (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["captwin", *arguments])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        output = capsys.readouterr()
        return status, output.out, output.err

    return run
