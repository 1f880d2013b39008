"""Whatever comes over the line, the device answers the next good frame, and the driver is never told anything wrong."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from cobs import cobs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boards.host import Device
from boards.line import LOOK_S
from hw.core import Core, CoreOptions
from hw.link.protocol import REPLY, Command, Status
from scripts.agreement import mismatches
from sim import golden
from sim.rtl.simulators import missing_tools
from sim.rtl.virtual import VirtualBoard
from train.data import load_dataset
from train.zoo import load_chip

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed"),
]
CHIP = load_chip("digits-tiny")
PIXELS, _ = load_dataset("digits").some(40)
EXPECTED = golden.run(CHIP, PIXELS)
CASES = 2000
QUIET_S = 0.05
#: tags of mishaps are up to MISHAP, the good frame's is another
MISHAP, GOOD = 0x0FFF, 0x1234


def frame(command: int, tag: int, body: bytes) -> bytes:
    content = struct.pack("<BH", command, tag) + body
    return cobs.encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


requests = st.one_of(
    st.builds(
        frame,
        st.sampled_from([Command.INFER, Command.INFER, Command.TRACE]),
        st.integers(0, MISHAP),
        st.sampled_from([p.tobytes() for p in PIXELS]),
    ),
    st.builds(frame, st.just(Command.LOOPBACK), st.integers(0, MISHAP), st.binary(max_size=50)),
    st.builds(frame, st.sampled_from([Command.COUNTERS, Command.RESET]), st.integers(0, MISHAP), st.just(b"")),
    st.builds(frame, st.integers(0, 255), st.integers(0, MISHAP), st.binary(max_size=80)),
)


@st.composite
def mishaps(draw: st.DrawFn) -> bytes:
    """Bytes that no host should send."""
    kind = draw(st.sampled_from(["random", "flip", "cut", "double", "reorder", "insert", "reset midway"]))
    if kind == "random":
        return draw(st.binary(max_size=300))
    frames = draw(st.lists(requests, min_size=1, max_size=3))
    if kind == "double":
        return b"".join(one + one for one in frames)
    if kind == "reorder":
        return b"".join(draw(st.permutations(frames)))
    whole = b"".join(frames)
    place = draw(st.integers(0, len(whole) - 1))
    if kind == "flip":
        return whole[:place] + bytes([whole[place] ^ 1 << draw(st.integers(0, 7))]) + whole[place + 1 :]
    if kind == "cut":
        return whole[:place]
    between = draw(st.binary(max_size=20)) if kind == "insert" else b"\0" + frame(Command.RESET, MISHAP, b"")
    return whole[:place] + between + whole[place:]


@pytest.fixture(scope="module", params=[-0.02, 0.0, 0.02], ids=["slow host", "exact", "fast host"])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    with VirtualBoard(Core(CHIP, CoreOptions(trace=True)), skew=-request.param) as board, Device(board.port) as device:
        yield device


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
@given(mishap=mishaps(), number=st.integers(0, len(PIXELS) - 1))
def test_the_next_good_frame_is_answered(device: Device, mishap: bytes, number: int) -> None:
    line = device._line._serial
    device._line._write(mishap + b"\0")
    line.timeout = QUIET_S  # requests that came whole are answered first: a host waits for that
    while line.read(4096):
        pass
    device._line._write(frame(Command.INFER, GOOD, PIXELS[number].tobytes()))
    content = reply_to(device, GOOD)
    assert struct.unpack("<BHB", content[:4]) == (Command.INFER | REPLY, GOOD, Status.OK)
    body = content[4:]
    assert body[0] == EXPECTED.labels[number]
    assert body[6 : 6 + 10] == bytes(EXPECTED.counts[number].tolist())
    assert struct.unpack("<10H", body[16:36]) == tuple(EXPECTED.membranes[number])


@many
@given(mishap=mishaps(), numbers=st.lists(st.integers(0, len(PIXELS) - 1), min_size=1, max_size=12))
def test_the_driver_is_never_told_anything_wrong(device: Device, mishap: bytes, numbers: list[int]) -> None:
    device._line._write(mishap)
    device._line._serial.timeout = LOOK_S
    answers = list(device.infer(PIXELS[numbers]))
    assert [answer.label for answer in answers] == EXPECTED.labels[numbers].tolist()
    assert np.array_equal([answer.counts for answer in answers], EXPECTED.counts[numbers])
    assert np.array_equal([answer.membranes for answer in answers], EXPECTED.membranes[numbers])
    assert device.loopback(mishap[:50]) == mishap[:50]
    if len(numbers) == 1:
        answer, layers = device.trace(PIXELS[numbers[0]])
        assert not mismatches([answer], golden.run(CHIP, PIXELS[numbers], trace=True), [layers])
