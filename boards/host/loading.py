"""Loading a chip into a device: whether it fits, and which words have to be written."""

import gc
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from amaranth.hdl import UnusedElaboratable

from captwin.hw.chip import GAIN_BITS, Chip, Formats, Layer
from captwin.hw.dither import NONE
from captwin.hw.gates.core import Core
from captwin.hw.gates.kinds import layers_of
from captwin.hw.gates.stores import Contents
from captwin.hw.link.about import Room, layout
from captwin.hw.link.protocol import WRITE_HEAD
from captwin.hw.support.errors import CaptwinError


def contents(chip: Chip, room: Room) -> list[Contents]:
    """The contents of all stores of a device with ``room`` that holds ``chip``, in the order of their numbers.

    :class:`CaptwinError` if the chip does not fit.
    """
    large = padded(chip, room)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)  # this core is made only for its contents
        core = Core(large, room.options)
        stores, agreed = core.contents, layout(core) == room.stores
        own = {"identity.build_id": [chip.build_id], "readout.settings": [core.readout.settings(chip.classes)]}
        del core
        gc.collect()  # the core refers to itself; it must go while the warning is off
    if not agreed:
        raise CaptwinError("the device was made by another version of Captwin; build its bitstream again")
    return [replace(entry, words=own.get(entry.name, entry.words)) for entry in stores]


def requests(number: int, entry: Contents, longest: int) -> Iterator[bytes]:
    """Bodies of WRITE requests, each of at most ``longest`` bytes, that fill store ``number`` with ``entry``."""
    words_each = (longest - WRITE_HEAD) // entry.word_bytes
    for start in range(0, len(entry.words), words_each):
        words = entry.words[start : start + words_each]
        yield struct.pack("<HHB", number, start, entry.word_bytes) + b"".join(
            word.to_bytes(entry.word_bytes, "little") for word in words
        )


def digest(stores: Sequence[Contents]) -> bytes:
    """The body of PROVE after all of ``stores`` were written in order: the CRC-32 of their words, 4 bytes."""
    crc = 0
    for entry in stores:
        crc = zlib.crc32(b"".join(word.to_bytes(entry.word_bytes, "little") for word in entry.words), crc)
    return crc.to_bytes(4, "little")


def padded(chip: Chip, room: Room) -> Chip:
    """``chip`` made as large as ``room``: rows without charge and neurons that never fire are added.

    Its golden model answers as that of ``chip``, with more classes at the end. :class:`CaptwinError` says why a chip
    does not fit.
    """
    for obstacle in _obstacles(chip, room):
        raise CaptwinError(f"{obstacle}; build a bitstream for it")
    layers = []
    for layer, shift, (rows, columns) in zip(chip.layers, room.shifts, pairwise(room.sizes), strict=True):
        larger = _padded(layer, shift, rows, columns, room.formats)
        layers.append(replace(larger, dither=larger.dither or NONE) if room.dither else larger)
    return replace(chip, formats=room.formats, image=(room.sizes[0], 1), layers=tuple(layers))


def _padded(layer: Layer, shift: int, rows: int, columns: int, formats: Formats) -> Layer:
    more = columns - layer.columns

    def wider(array: np.ndarray, value: float = 0) -> np.ndarray:
        return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, more)], constant_values=value)

    def larger(array: np.ndarray) -> np.ndarray:
        return np.pad(array, [(0, rows - layer.rows), (0, more)])

    times = shift - layer.shift
    never = (1 << formats.drive_bits) - 1  # a threshold that a drive of 0 does not reach
    scaled = (np.left_shift, np.right_shift)[times < 0]
    return replace(
        layer,
        shift=shift,
        charges=larger(layer.charges),
        gains=wider(scaled(layer.gains, abs(times))),
        offsets=wider(scaled(layer.offsets, abs(times))),
        threshold_offsets=wider(layer.threshold_offsets, never),
        dither=layer.dither and layer.dither.rescaled(times),
        c_plus=larger(layer.c_plus),
        c_minus=larger(layer.c_minus),
        c_bias=wider(layer.c_bias),
        c_column=wider(layer.c_column, float(layer.c_column.max())),  # none may be 0; no answer depends on it
    )


def _obstacles(chip: Chip, room: Room) -> Iterator[str]:
    """The reasons why ``chip`` does not fit into ``room``; none if it fits."""
    sizes, largest = "-".join(map(str, chip.sizes)), "-".join(map(str, room.sizes))
    pairs = list(zip(chip.sizes, room.sizes, strict=False))
    if len(chip.sizes) != len(room.sizes) or any(need > have for need, have in pairs):
        yield f"a {sizes} chip does not fit a device of {largest}"
        return
    for name in ("drive_bits", "membrane_bits", "drive_fraction", "membrane_fraction"):
        need, have = getattr(chip.formats, name), getattr(room.formats, name)
        if need != have:
            yield f"the chip has a {name} of {need}, the device one of {have}"
    need, have = chip.formats.charge_bits, room.formats.charge_bits
    if need > have:
        yield f"the chip's charge codes have {need} bits, the device has room for {have}"
    tables = layers_of(room.options).tables(chip)
    if tables != room.tables:
        yield f"the chip's layers have {tables} neuron tables, the device {room.tables}"
    surfaces = 4 if chip.by_outcome else 2
    if surfaces != room.surfaces:
        yield f"the chip's neuron tables have {surfaces} surfaces, those of the device {room.surfaces}"
    if chip.dithered and not room.dither:
        yield "the chip has dither, the device has no gates for it"
    if chip.dithered and chip.sizes[1:] != room.sizes[1:]:
        yield f"the chip has dither, and the neurons of a {sizes} chip get other numbers on a device of {largest}"
    encoder = chip.encoder
    if encoder.kind != room.encoder:
        yield f"the chip's encoder is `{encoder.kind}`, the device's `{room.encoder}`"
    if encoder.steps > room.steps:
        yield f"the chip takes {encoder.steps} time steps, the device {room.steps} at most"
    if obstacle := encoder.padding_obstacle(chip.pixels, room.sizes[0]):
        yield obstacle
    for number, (layer, shift) in enumerate(zip(chip.layers, room.shifts, strict=True)):
        if not _shifts(layer, shift):
            yield f"the gains of layer {number} go with a shift of {layer.shift}, not with the device's {shift}"


def _shifts(layer: Layer, shift: int) -> bool:
    """Whether the layer's gains, offsets and dither can be scaled to ``shift`` without a change in any result."""
    times = shift - layer.shift
    if times >= 0:
        return int(layer.gains.max()) << times < 1 << GAIN_BITS
    lost = (1 << -times) - 1
    amplitude = layer.dither.amplitude if layer.dither else 0
    return not ((layer.gains & lost).any() or (layer.offsets & lost).any() or amplitude & lost)
