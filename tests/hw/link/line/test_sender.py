"""The frame sender against the ``cobs`` package and zlib's CRC-32."""

import zlib

from cobs import cobs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captwin.hw.link.line.frames import token
from captwin.hw.link.line.sender import FrameSender
from tests.hw.gates.driver import exchange


@settings(max_examples=25, deadline=None, print_blob=True)
@given(
    bodies=st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=3),
    stall=st.sampled_from([0.0, 0.3]),
    seed=st.integers(0, 1 << 32),
)
@example(bodies=[b"\1" * 250, b"\1" * 254, b"\1" * 255, b"\1" * 600, b"\0" * 300], stall=0.0, seed=0)
def test_sender(bodies: list[bytes], stall: float, seed: int) -> None:
    block = FrameSender()
    sent = [
        token().const({"data": byte, "last": n == len(body) - 1}).as_value().value
        for body in bodies
        for n, byte in enumerate(body)
    ]

    def complete(received: list[int]) -> bool:
        return received.count(0) == len(bodies)

    (received,) = exchange(block, {block.frames: sent}, {block.bytes: complete}, stall=stall, seed=seed)
    frames = bytes(received).split(b"\0")
    assert frames.pop() == b""
    decoded = [cobs.decode(frame) for frame in frames]
    assert decoded == [body + zlib.crc32(body).to_bytes(4, "little") for body in bodies]
