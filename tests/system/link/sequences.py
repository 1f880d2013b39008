"""What a host may send to a device, good and bad: hypothesis strategies of sequences of steps."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from cobs import cobs
from hypothesis import strategies as st

from captwin.hw.gates.stores import Contents
from captwin.hw.link.protocol import ABOUT, LEAST_BODY, PROOF, Command

#: the highest tag of a request among the bytes that nobody waits for
MISHAP = 0x0FFF
FAULTS = ("none", "none", "bit", "lost", "twice", "swapped", "cut short", "digest", "steps", "interrupted")


def frame(command: int, tag: int, body: bytes) -> bytes:
    content = struct.pack("<BH", command, tag) + body
    return cobs.encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"


@dataclass(frozen=True)
class Ask:
    """A good request; its reply is waited for."""

    command: int
    body: bytes


@dataclass(frozen=True)
class Prove:
    """PROVE with the CRC of what was written."""


@dataclass(frozen=True)
class Noise:
    """Bytes in which no frame is whole."""

    data: bytes


@dataclass(frozen=True)
class Burst:
    """Good requests, none of which is waited for, and RESET right behind."""

    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class Load:
    """All that a host writes to load chip ``number``, with a fault, which befalls the request that ``place`` says; asks
    come between."""

    number: int
    fault: str
    place: int
    between: tuple[Ask, ...]


Step = Ask | Prove | Noise | Burst | Load


def asks(images: Sequence[bytes]) -> st.SearchStrategy[Ask]:
    """Requests that any device answers."""
    plain = st.sampled_from([Command.IDENTIFY, Command.COUNTERS, Command.RESET])
    image = st.sampled_from([Command.INFER, Command.INFER, Command.TRACE])
    return st.one_of(
        st.builds(Ask, image, st.sampled_from(list(images))),
        st.builds(Ask, image | plain, st.binary(max_size=LEAST_BODY)),
        st.builds(Ask, plain, st.just(b"")),
        st.builds(Ask, st.just(Command.LOOPBACK), st.binary(max_size=LEAST_BODY)),
        st.builds(Ask, st.integers(len(Command) + 1, 255) | st.just(0), st.binary(max_size=LEAST_BODY)),
    )


@st.composite
def writes(draw: st.DrawFn, stores: Sequence[Contents]) -> Ask:
    """WRITE to any store, with words, widths and addresses that may be wrong."""
    number = draw(st.integers(0, len(stores) - 1))
    entry = stores[number]
    store = ABOUT if number == len(stores) - 1 else number
    width = entry.word_bytes
    address = draw(st.integers(0, len(entry.words) - 1))
    most = min((LEAST_BODY - 5) // width, len(entry.words) - address)
    words = draw(st.integers(1, most))
    length = words * width
    match draw(st.sampled_from(["good", "good", "good", "store", "address", "width", "length", "empty"])):
        case "store":
            store = draw(st.integers(len(stores) - 1, 0xFFFF) | st.just(store + 4096) | st.just(ABOUT - 1))
        case "address":
            address = draw(st.integers(len(entry.words) - words + 1, 0xFFFF))
        case "width":
            width = draw(st.integers(0, 255))
        case "length":
            length = draw(st.integers(1, LEAST_BODY - 5))
        case "empty":
            length = 0
    data = draw(st.binary(min_size=length, max_size=length) | st.just(b"\xff" * length) | st.just(bytes(length)))
    return Ask(Command.WRITE, struct.pack("<HHB", store, address, width) + data)


def proofs() -> st.SearchStrategy[Ask]:
    return st.builds(Ask, st.just(Command.PROVE), st.binary(min_size=PROOF, max_size=PROOF) | st.binary(max_size=9))


def requests(images: Sequence[bytes], stores: Sequence[Contents]) -> st.SearchStrategy[Ask]:
    return st.one_of(asks(images), *([writes(stores), proofs()] if stores else [st.builds(write_to_fixed)]))


def write_to_fixed() -> Ask:
    return Ask(Command.WRITE, bytes(8))


@st.composite
def noise(draw: st.DrawFn, among: st.SearchStrategy[Ask]) -> Noise:
    """Frames cut, flipped, with a wrong CRC, with a byte more or less, and bytes that are no frames at all."""
    kind = draw(st.sampled_from(["random", "cut", "flip", "crc", "insert", "long"]))
    if kind == "random":
        return Noise(draw(st.binary(max_size=200).filter(_holds_no_frame)))
    if kind == "long":
        return Noise(frame(Command.LOOPBACK, 1, bytes(draw(st.integers(200, 400)))))
    ask = draw(among)
    whole = frame(ask.command, draw(st.integers(0, MISHAP)), ask.body)[:-1]
    place = draw(st.integers(0, len(whole) - 1))
    if kind == "cut":
        damaged = whole[:place]
    elif kind == "insert":
        damaged = whole[:place] + draw(st.binary(min_size=1, max_size=5)) + whole[place:]
    else:
        damaged = whole[:place] + bytes([whole[place] ^ 1 << draw(st.integers(0, 7))]) + whole[place + 1 :]
    if kind == "crc":
        content = bytearray(cobs.decode(whole))
        content[-1 - draw(st.integers(0, 3))] ^= draw(st.integers(1, 255))
        damaged = cobs.encode(bytes(content))
    return Noise(damaged if _holds_no_frame(damaged) else b"\1\1")


def _holds_no_frame(data: bytes) -> bool:
    for part in data.split(b"\0"):
        try:
            content = cobs.decode(part)
        except cobs.DecodeError:
            continue
        if zlib.crc32(content[:-4]).to_bytes(4, "little") == content[-4:]:
            return False
    return True


@st.composite
def loads(draw: st.DrawFn, chips: int, among: st.SearchStrategy[Ask]) -> Load:
    calm = among.filter(lambda ask: ask.command not in (Command.RESET, Command.PROVE, Command.WRITE))
    return Load(
        draw(st.integers(0, chips - 1)),
        draw(st.sampled_from(FAULTS)),
        draw(st.integers(0, 1 << 16)),
        tuple(draw(st.lists(calm, max_size=3))),
    )


def sequences(images: Sequence[bytes], stores: Sequence[Contents], chips: int) -> st.SearchStrategy[list[Step]]:
    """Steps for a device with ``stores``, none if it cannot be loaded, and ``chips`` that can be loaded."""
    among = requests(images, stores)
    without_proof = among.filter(lambda ask: ask.command != Command.PROVE)
    kinds: list[st.SearchStrategy[Step]] = [
        among,
        among,
        noise(among),
        st.builds(Burst, st.lists(without_proof, max_size=12).map(tuple)),
    ]
    if stores:
        kinds += [st.builds(Prove), loads(chips, among)]
    return st.lists(st.one_of(kinds), min_size=1, max_size=8)


@st.composite
def mishaps(draw: st.DrawFn, images: Sequence[bytes]) -> bytes:
    """Bytes that no host should send, good requests among them whose replies nobody waits for."""
    ask = st.builds(lambda ask, tag: frame(ask.command, tag, ask.body), asks(images), st.integers(0, MISHAP))
    kind = draw(st.sampled_from(["random", "flip", "cut", "double", "reorder", "insert", "reset midway"]))
    if kind == "random":
        return draw(st.binary(max_size=300))
    frames = draw(st.lists(ask, min_size=1, max_size=3))
    if kind == "double":
        return b"".join(sent + sent for sent in frames)
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
