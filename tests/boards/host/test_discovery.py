"""Boards are found by what their bridges say of themselves."""

from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from captwin.boards.catalogue import BOARDS, find_board, host_bauds
from captwin.boards.host import line
from captwin.boards.host.discovery import find_device
from captwin.boards.host.line import LinkError
from captwin.hw.link.linked_core import TOLERANCE, bit_cycles
from tests.boards.host.fake_device import FakeDevice

ICEBREAKER = find_board("icebreaker").line


def plugged(monkeypatch: pytest.MonkeyPatch, *ports: tuple[str, tuple[int, int]]) -> None:
    found = [SimpleNamespace(device=port, vid=ids[0], pid=ids[1]) for port, ids in ports]
    monkeypatch.setattr(list_ports, "comports", lambda: found)
    monkeypatch.setattr(line, "PATIENCE_S", 0.05)


def test_the_first_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = ICEBREAKER.bridge
    with FakeDevice(lambda number, frame: b"") as silent, FakeDevice() as other, FakeDevice() as fake:
        plugged(monkeypatch, (other.port, (1, 2)), (silent.port, bridge), ("/dev/none", bridge), (fake.port, bridge))
        with find_device() as device:
            assert device.port == fake.port
        assert not other.requests and len(silent.requests) == 2 * len(host_bauds())


def test_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(monkeypatch, ("/dev/ttyS0", (1, 2)))
    with pytest.raises(LinkError, match="no board is plugged in; name the port with --port"):
        find_device()
    plugged(monkeypatch, ("/dev/none", ICEBREAKER.bridge))
    with pytest.raises(LinkError, match="/dev/none: no Captwin device answers; name the port with --port"):
        find_device()


def test_baud_rates() -> None:
    """They stand in docs/protocol.md."""
    assert host_bauds() == (3_000_000, 4_000_000, 6_000_000)


@pytest.mark.parametrize("name", BOARDS)
def test_hosts_try_the_baud_rates_that_boards_have(name: str) -> None:
    board = find_board(name)
    clock_hz = board.family.pll(board.platform().default_clk_frequency, board.clock_hz).output_hz
    rate = clock_hz / bit_cycles(clock_hz, board.line.baud)
    assert any(abs(rate / baud - 1) <= TOLERANCE for baud in host_bauds())
