"""What host and device say to each other; `docs/protocol.md` tells it in full.

Numbers are little-endian. A request is a command, a tag and a body; its reply has the same tag, the command with REPLY
added, a status and a body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from captwin.hw.gates.stores import STORE_BITS

#: of devices that are one chip for ever, and of those that others can be loaded into
VERSION, LOADABLE_VERSION = 1, 2
VERSIONS = (VERSION, LOADABLE_VERSION)
REPLY = 0x80
#: bytes of a request before its body: command u8, tag u16
REQUEST_HEAD = 3
#: bytes of a reply before its body: command u8, tag u16, status u8
REPLY_HEAD = 4
#: bytes that a body may have, at least; else as many as an image
LEAST_BODY = 57
#: bytes of a WRITE before its words
WRITE_HEAD = 5
#: bytes of a reply to TRACE before its numbers: number u16, layer u8
TRACE_HEAD = 3
#: bytes of a PROVE: the CRC-32 of what was written
PROOF = 4
#: the store that holds what IDENTIFY replies of the chip, a byte a word
ABOUT = (1 << STORE_BITS) - 1


class Command(IntEnum):
    """The first byte of a request."""

    IDENTIFY = 1  #: nothing; what the device is, as JSON
    INFER = 2  #: an image, a byte a pixel; the answer, and the counters as it is sent
    COUNTERS = 3  #: nothing; the counters
    RESET = 4  #: nothing; nothing, the core having been reset
    LOOPBACK = 5  #: anything; the same
    WRITE = 6  #: store u16, address u16, bytes of a word u8, words; nothing, the words having been written
    TRACE = 7  #: an image; a reply for each word of each layer, and that of INFER
    PROVE = 8  #: CRC-32 of all words written since RESET; nothing, the device being the chip that was written


class Status(IntEnum):
    """What became of a request; without OK the reply has no body."""

    OK = 0
    UNKNOWN_COMMAND = 1
    WRONG_LENGTH = 2
    NO_STORE = 3  #: WRITE: there is no such store or address, or its words have another width
    OUT_OF_RANGE = 4  #: WRITE: a number of time steps that the device cannot do, or that differs between its parts
    NO_CHIP = 5  #: INFER, TRACE: the device holds no known chip
    NOT_PROVED = 6  #: PROVE: not all was written, in order, and as the host sent it


@dataclass(frozen=True)
class Part:
    """Numbers that follow each other in a body."""

    name: str
    width: int  #: bytes of each
    count: int = 1


def answer_parts(classes: int) -> list[Part]:
    """Of the answer to an image."""
    return [
        Part("label", 1),
        Part("steps", 1),
        Part("cycles", 4),
        Part("counts", 1, classes),
        Part("membranes", 2, classes),
    ]


def counters_parts(layers: int) -> list[Part]:
    """Of the counters, those of each layer behind the cycles."""
    return [Part("cycles", 4), *(Part(name, 4, layers) for name in ("events", "spikes", "saturated"))]


def trace_parts(lanes: int) -> list[Part]:
    """Of a word of ``lanes`` neurons: a bit for each spike; sums have a sign."""
    return [
        Part("spikes", -(-lanes // 8)),
        Part("membranes", 2, lanes),
        Part("drives", 2, lanes),
        Part("sums", 4, lanes),
    ]


def size(parts: list[Part]) -> int:
    """Bytes of all of them."""
    return sum(part.width * part.count for part in parts)


def pack(parts: list[Part], numbers: Mapping[str, Sequence[int]]) -> bytes:
    """``numbers``, by name, as bytes."""
    return b"".join(number.to_bytes(part.width, "little") for part in parts for number in numbers[part.name])


def unpack(parts: list[Part], body: bytes) -> dict[str, tuple[int, ...]]:
    """The numbers in ``body``, by name; ValueError if it is of another length."""
    if len(body) != size(parts):
        raise ValueError(f"{len(body)} bytes came where {size(parts)} should have")
    numbers, place = {}, 0
    for part in parts:
        ends = range(place + part.width, place + part.width * part.count + 1, part.width)
        numbers[part.name] = tuple(int.from_bytes(body[end - part.width : end], "little") for end in ends)
        place += part.width * part.count
    return numbers
