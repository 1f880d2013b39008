"""The protocol between host and device: numbers and layouts; `docs/protocol.md` describes it in full.

Numbers are little-endian. A request is a command, a tag and a body; its reply has the same tag, the command with REPLY
added, a status and a body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from captwin.hw.gates.stores import STORE_BITS

#: version of the protocol that devices with a fixed chip speak, and loadable ones
VERSION, LOADABLE_VERSION = 1, 2
VERSIONS = (VERSION, LOADABLE_VERSION)
#: added to a command in its reply
REPLY = 0x80
#: bytes of a request before its body: command u8, tag u16
REQUEST_HEAD = 3
#: bytes of a reply before its body: command u8, tag u16, status u8
REPLY_HEAD = 4
#: bytes that a body may have even where an image is shorter
LEAST_BODY = 57
#: bytes of a WRITE's body before its words
WRITE_HEAD = 5
#: bytes of the body of a reply to TRACE before its numbers: number u16, layer u8
TRACE_HEAD = 3
#: bytes of a PROVE's body: the CRC-32 of what was written
PROOF = 4
#: number of the store that describes the chip in the reply to IDENTIFY, one byte a word
ABOUT = (1 << STORE_BITS) - 1


class Command(IntEnum):
    """The first byte of a request. Behind each: body of the request; body of the reply."""

    IDENTIFY = 1  #: empty; what the device is, as JSON
    INFER = 2  #: an image, a byte a pixel; the answer, then the counters at that moment
    COUNTERS = 3  #: empty; the counters
    RESET = 4  #: empty; empty, once the core has been reset
    LOOPBACK = 5  #: any bytes; the same bytes
    WRITE = 6  #: store u16, address u16, bytes of a word u8, words; empty, once they are written
    TRACE = 7  #: an image; a reply for each word of each layer, and a reply to INFER
    PROVE = 8  #: CRC-32 of all words written since RESET; empty, once the chip that was written is known


class Status(IntEnum):
    """What became of a request. Only a reply with OK has a body."""

    OK = 0
    UNKNOWN_COMMAND = 1
    WRONG_LENGTH = 2
    NO_STORE = 3  #: WRITE: there is no such store or address, or its words have another width
    OUT_OF_RANGE = 4  #: WRITE: a number of time steps that the device cannot do, or that differs between its parts
    NO_CHIP = 5  #: INFER, TRACE: the device holds no known chip
    NOT_PROVED = 6  #: PROVE: not all was written, in order, and as the host sent it


@dataclass(frozen=True)
class Part:
    """Numbers of one kind that follow each other in a body."""

    name: str
    width: int  #: bytes of each number
    count: int = 1  #: how many numbers


def answer_parts(classes: int) -> list[Part]:
    """The parts of an answer to an image."""
    return [
        Part("label", 1),
        Part("steps", 1),
        Part("cycles", 4),
        Part("counts", 1, classes),
        Part("membranes", 2, classes),
    ]


def counters_parts(layers: int) -> list[Part]:
    """The parts of the counters: the cycles, then one number for each layer."""
    return [Part("cycles", 4), *(Part(name, 4, layers) for name in ("events", "spikes", "saturated"))]


def trace_parts(lanes: int) -> list[Part]:
    """The parts of a word of ``lanes`` neurons in a trace: spikes take a bit each; sums are signed."""
    return [
        Part("spikes", -(-lanes // 8)),
        Part("membranes", 2, lanes),
        Part("drives", 2, lanes),
        Part("sums", 4, lanes),
    ]


def size(parts: list[Part]) -> int:
    """Bytes of all ``parts``."""
    return sum(part.width * part.count for part in parts)


def pack(parts: list[Part], numbers: Mapping[str, Sequence[int]]) -> bytes:
    """``numbers``, by the names of ``parts``, as bytes; each is unsigned."""
    return b"".join(number.to_bytes(part.width, "little") for part in parts for number in numbers[part.name])


def unpack(parts: list[Part], body: bytes) -> dict[str, tuple[int, ...]]:
    """The unsigned numbers in ``body``, by the names of ``parts``; ValueError if it is of another length."""
    if len(body) != size(parts):
        raise ValueError(f"{len(body)} bytes came where {size(parts)} should have")
    numbers, place = {}, 0
    for part in parts:
        ends = range(place + part.width, place + part.width * part.count + 1, part.width)
        numbers[part.name] = tuple(int.from_bytes(body[end - part.width : end], "little") for end in ends)
        place += part.width * part.count
    return numbers
