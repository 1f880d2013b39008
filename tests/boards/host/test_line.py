"""Ports that are none, and devices that say what they should not, at any length: one line, in bounded time."""

import errno
import json
import os
import struct
import time
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.boards.host import line
from captwin.boards.host.device import Device
from captwin.boards.host.line import LinkError
from captwin.hw.link.protocol import REPLY, Command, Status
from captwin.hw.support.errors import CaptwinError
from tests.boards.host.fake_device import ABOUT, FakeDevice, answer_of, framed
from tests.boards.host.pty_device import PtyDevice

IMAGE = np.zeros(4, np.uint8)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PATIENCE_S", 0.1)
    monkeypatch.setattr(line, "LONGEST_S", 0.5)


def one_line(error: pytest.ExceptionInfo[CaptwinError]) -> bool:
    return "\n" not in str(error.value) and "Traceback" not in str(error.value)


def test_ports_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no port")
    os.mkfifo(tmp_path / "fifo")
    ports = [tmp_path / name for name in ("file", "fifo", "missing")] + [tmp_path, "/dev/null", "hwgrep://[", "x://y"]
    for port in map(str, ports):
        with pytest.raises(LinkError, match=r"cannot be opened|no port") as caught:
            Device(port)
        assert one_line(caught) and str(caught.value).startswith(port)
    with FakeDevice() as fake, pytest.raises(LinkError, match="cannot be opened"):
        Device(fake.port, baud=1 << 70)


def test_a_record_does_not_replace_other_files(tmp_path: Path) -> None:
    own, record = tmp_path / "own.txt", tmp_path / "record.txt"
    own.write_text("mine")
    with FakeDevice() as fake:
        for path in (own, tmp_path):
            with pytest.raises(CaptwinError, match="is there and no record of a line; name another file"):
                Device(fake.port, record=path)
        for _ in range(2):
            with Device(fake.port, record=record) as device:
                assert device.loopback(b"hello") == b"hello"
    assert own.read_text() == "mine" and "TX" in record.read_text()


def test_a_record_is_held_by_one_program(tmp_path: Path) -> None:
    record = tmp_path / "record.txt"
    with FakeDevice() as fake, FakeDevice() as second:
        with Device(fake.port, record=record) as device:
            with pytest.raises(CaptwinError, match="another captwin records there; wait for it, or name another file"):
                Device(second.port, record=record)
            assert device.loopback(b"hello") == b"hello"
        Device(second.port, record=record).close()
    with pytest.raises(LinkError, match="cannot be opened"):
        Device("/dev/none", record=tmp_path / "other.txt")
    assert not (tmp_path / "other.txt").exists()
    (tmp_path / "empty.txt").touch()
    with pytest.raises(LinkError, match="cannot be opened"):
        Device("/dev/none", record=tmp_path / "empty.txt")
    assert (tmp_path / "empty.txt").exists()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", without)
    with pytest.raises(CaptwinError, match="cannot be held") as caught:
        Device("/dev/none", record=tmp_path / "record.txt")
    assert one_line(caught) and not (tmp_path / "record.txt").exists()


class Flood(PtyDevice):
    """Says the same for ever, whatever it hears."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.served = Event()

    def serve(self) -> None:
        os.set_blocking(self._end, False)
        while not self._over.is_set():
            try:
                os.write(self._end, self._data)
            except BlockingIOError:
                time.sleep(0.001)


@pytest.mark.parametrize(
    "data",
    [b"x" * 500, bytes(500), b"\0x" * 200, framed(struct.pack("<BHB", Command.IDENTIFY | REPLY, 7, 0) + b"{}") * 9],
    ids=["no frame", "zeros", "short frames", "replies to others"],
)
def test_floods_end(data: bytes) -> None:
    with Flood(data) as device:
        start = time.monotonic()
        with pytest.raises(LinkError, match="no answer"):
            Device(device.port, baud=3_000_000, first_tag=100)
        assert time.monotonic() - start < line.TRIES * (line.PATIENCE_S + line.LONGEST_S) + 5


@pytest.mark.parametrize("stray", [0, 1], ids=["same word", "replies to others"])
def test_a_trace_that_never_ends(stray: int) -> None:
    word = struct.pack("<HBBHHi", 0, 0, 0, 1, 2, 3)

    def forever(number: int, reply: bytes) -> bytes:
        command, tag, _ = fake.requests[number]
        if command == Command.TRACE:
            os.set_blocking(fake._end, False)
            data = framed(struct.pack("<BHB", Command.TRACE | REPLY, tag ^ stray, Status.OK) + word)
            while not fake._over.is_set():
                try:
                    fake.write(data)
                except BlockingIOError:
                    time.sleep(0.001)
        return reply

    about = json.dumps(ABOUT | {"trace": True}).encode()
    with FakeDevice(forever, about=about) as fake, Device(fake.port) as device:
        with pytest.raises(LinkError, match=r"no (whole trace|answer)") as caught:
            device.trace(IMAGE)
        assert one_line(caught)


@settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=60) | st.integers(0, 255).map(lambda label: bytes([label]) + answer_of(bytes(4))[1:]),
    status=st.sampled_from([*Status, 77]),
)
def test_any_answer_gives_a_line_or_an_answer(body: bytes, status: int) -> None:
    def told(number: int, reply: bytes) -> bytes:
        command, tag, _ = fake.requests[number]
        if command not in (Command.INFER, Command.COUNTERS):
            return reply
        return framed(struct.pack("<BHB", command | REPLY, tag, status) + body)

    with FakeDevice(told) as fake, Device(fake.port) as device:
        try:
            (answer,) = device.infer([IMAGE])
            assert status == Status.OK and answer.label < 2
        except LinkError as error:
            assert "\n" not in str(error)
        try:
            device.counters()
            assert status == Status.OK
        except LinkError as error:
            assert "\n" not in str(error)


@settings(max_examples=40, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(ABOUT)),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers()),
)
def test_odd_types_of_what_it_says_of_itself(name: str, value: object) -> None:
    with FakeDevice(about=json.dumps(ABOUT | {name: value}).encode()) as fake:
        try:
            with Device(fake.port, baud=9600) as device:
                assert device.sizes and device.build_id >= 0
        except LinkError as error:
            assert "\n" not in str(error) and str(error).startswith(fake.port)
