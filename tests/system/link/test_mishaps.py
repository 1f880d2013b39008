"""Bytes that no host should send, from hosts whose bits are too short or long: the device answers the next good frame,
and the driver is never told anything wrong."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from cobs import cobs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.boards.host.device import Device
from captwin.boards.host.line import LOOK_S
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.protocol import REPLY, Command, Status
from captwin.scripts.agreement import mismatches
from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.virtual import VirtualBoard
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.system.link import sequences
from tests.system.link.sequences import frame

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed"),
]
CHIP = load_chip("digits-tiny")
PIXELS, _ = load_dataset("digits").some(40)
CASES = 2000
QUIET_S = 0.05
#: tag of the good frame, above those of mishaps
GOOD = 0x1234
mishaps = sequences.mishaps([image.tobytes() for image in PIXELS])


@pytest.fixture(scope="module", params=[-0.02, 0.0, 0.02], ids=["slow host", "exact", "fast host"])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    with VirtualBoard(Core(CHIP, CoreOptions(trace=True)), skew=-request.param) as board, Device(board.port) as device:
        yield device


@pytest.fixture(scope="module")
def expected() -> golden.Inference:
    return golden.run(CHIP, PIXELS)


def reply_to(device: Device, tag: int) -> bytes:
    """The reply with that tag, whatever else comes."""
    line = device._line._serial
    line.timeout = 5
    while received := line.read_until(b"\0"):
        try:
            content = cobs.decode(received[:-1])
        except cobs.DecodeError:
            continue
        if content[1:3] == tag.to_bytes(2, "little") and zlib.crc32(content[:-4]).to_bytes(4, "little") == content[-4:]:
            return content[:-4]
    raise AssertionError("no answer")


many = settings(
    max_examples=-(-CASES // 3), deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)


@many
@given(mishap=mishaps, number=st.integers(0, len(PIXELS) - 1))
def test_the_next_good_frame_is_answered(
    device: Device, expected: golden.Inference, mishap: bytes, number: int
) -> None:
    line = device._line._serial
    device._line._write(mishap + b"\0")
    line.timeout = QUIET_S  # requests that came whole are answered first: a host waits for that
    while line.read(4096):
        pass
    device._line._write(frame(Command.INFER, GOOD, PIXELS[number].tobytes()))
    content = reply_to(device, GOOD)
    assert struct.unpack("<BHB", content[:4]) == (Command.INFER | REPLY, GOOD, Status.OK)
    body = content[4:]
    assert body[0] == expected.labels[number]
    assert body[6 : 6 + 10] == bytes(expected.counts[number].tolist())
    assert struct.unpack("<10H", body[16:36]) == tuple(expected.membranes[number])


@many
@given(mishap=mishaps, numbers=st.lists(st.integers(0, len(PIXELS) - 1), min_size=1, max_size=12))
def test_the_driver_is_never_told_anything_wrong(
    device: Device, expected: golden.Inference, mishap: bytes, numbers: list[int]
) -> None:
    device._line._write(mishap)
    device._line._serial.timeout = LOOK_S
    answers = list(device.infer(PIXELS[numbers]))
    assert [answer.label for answer in answers] == expected.labels[numbers].tolist()
    assert np.array_equal([answer.counts for answer in answers], expected.counts[numbers])
    assert np.array_equal([answer.membranes for answer in answers], expected.membranes[numbers])
    assert device.loopback(mishap[:50]) == mishap[:50]
    if len(numbers) == 1:
        answer, layers = device.trace(PIXELS[numbers[0]])
        assert not mismatches([answer], golden.run(CHIP, PIXELS[numbers], trace=True), [layers])
