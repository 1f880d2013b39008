"""The driver, and anybody's, on a virtual board."""

import os
import random
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
import serial
from cobs import cobs

from captwin.boards.host.answer import Answer
from captwin.boards.host.device import NO_CHIP, Device
from captwin.boards.host.line import Line, LinkError
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.protocol import Command
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.agreement import mismatches
from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.virtual import LOADABLE, VirtualBoard
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.paths import DOCS
from tests.support.proofs import proof, proofs

pytestmark = pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed")
CHIP = load_chip("digits-tiny")


def board(skew: float = 0.0) -> VirtualBoard:
    return VirtualBoard(Core(CHIP, CoreOptions()), skew=skew)


def agree(answers: list[Answer], pixels: np.ndarray, chip: Chip = CHIP) -> bool:
    expected = golden.run(chip, pixels)
    return [(answer.label, answer.steps, answer.counts, answer.membranes) for answer in answers] == [
        (label, steps, tuple(counts), tuple(membranes))
        for label, steps, counts, membranes in zip(
            expected.labels, expected.steps, expected.counts, expected.membranes, strict=True
        )
    ]


@pytest.mark.parametrize("skew", [-0.02, *proofs([0.0, 0.02])])
def test_images(skew: float) -> None:
    pixels, _ = load_dataset("digits").some(100)
    with board(skew) as virtual, Device(virtual.port) as device:
        assert device.build_id == CHIP.build_id and device.sizes == CHIP.sizes
        answers = list(device.infer(pixels))
        assert agree(answers, pixels)
        events = int(
            np.sum([np.count_nonzero(trace.spikes) for trace in [golden.run(CHIP, pixels, trace=True).traces[-1]]])
        )
        assert device.counters().spikes[-1] == events
        cycles = [answer.counters.cycles for answer in answers]
        assert cycles == sorted(cycles) and len(set(cycles)) == len(cycles)
        device.reset()
        assert device.counters().spikes == (0,)
        assert agree(list(device.infer(pixels[:3])), pixels[:3])


def test_an_interrupted_host_leaves_it_usable() -> None:
    pixels, _ = load_dataset("digits").some(5)
    program = (
        "import sys, numpy; from captwin.boards.host.device import Device\n"
        "device = Device(sys.argv[1]); print('on', flush=True)\n"
        "while True: list(device.infer(numpy.zeros((50, 64), numpy.uint8)))"
    )
    dice = random.Random(7)
    with board() as virtual:
        for how in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
            process = subprocess.Popen(
                [sys.executable, "-c", program, virtual.port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert process.stdout and process.stdout.readline() == b"on\n"
            time.sleep(dice.random() * 0.3)
            process.send_signal(how)
            process.wait()
            with Device(virtual.port) as device:
                assert agree(list(device.infer(pixels)), pixels)


def test_with_a_client_that_only_knows_the_document() -> None:
    """`docs/protocol.md`'s example, on a plain serial port."""
    request = bytes([5, 0x34, 0x12]) + b"hello"
    frame = cobs.encode(request + zlib.crc32(request).to_bytes(4, "little")) + b"\0"
    document = (DOCS / "protocol.md").read_text()
    assert f"\n    {frame.hex(' ')}\n" in document and f"0x{zlib.crc32(request):08X}" in document
    with board() as virtual, serial.Serial(virtual.port, timeout=5) as line:
        line.write(frame)
        reply = cobs.decode(line.read_until(b"\0")[:-1])
        assert reply[:-4] == bytes([0x85, 0x34, 0x12, 0]) + b"hello"
        assert int.from_bytes(reply[-4:], "little") == zlib.crc32(reply[:-4])


def test_it_rests_when_nobody_talks() -> None:
    with board() as virtual:
        with Device(virtual.port) as device:
            device.counters()
        time.sleep(0.5)

        def used() -> float:
            with open(f"/proc/{virtual._process.pid}/stat") as file:  # noqa: PTH123
                return sum(map(int, file.read().split()[13:15])) / os.sysconf("SC_CLK_TCK")

        before = used()
        time.sleep(0.3)
        assert used() - before < 0.05


def traced(device: Device, pixels: np.ndarray, chip: Chip) -> bool:
    """Whether answers and all that the layers do are the golden model's."""
    answers, traces = zip(*map(device.trace, pixels), strict=True)
    return not mismatches(answers, golden.run(chip, pixels, trace=True), traces)


@pytest.mark.parametrize(
    "options", [proof(CoreOptions(8, (2, 1), (16, 2), trace=True)), CoreOptions(4, 1, 1, trace=True, serial=True)]
)
def test_traces_of_two_layers(options: CoreOptions) -> None:
    chip = load_chip("digits-small")
    pixels, _ = load_dataset("digits").some(3)
    with VirtualBoard(Core(chip, options)) as virtual, Device(virtual.port) as device:
        assert traced(device, pixels, chip)
        assert agree(list(device.infer(pixels)), pixels, chip)
        assert traced(device, pixels[::-1], chip)


@pytest.mark.proof
def test_a_real_time_core_is_as_slow_as_its_line() -> None:
    chip = load_chip("digits-realtime")
    pixels, _ = load_dataset("digits").some(10)
    options = CoreOptions(8, 1, 1, trace=True, real_time=True)
    with VirtualBoard(Core(chip, options)) as virtual, Device(virtual.port) as device:
        assert agree(list(device.infer(pixels)), pixels, chip)
        assert traced(device, pixels[:3], chip)


@pytest.mark.proof
def test_an_interrupted_trace_leaves_it_usable() -> None:
    pixels, _ = load_dataset("digits").some(3)
    with VirtualBoard(Core(CHIP, LOADABLE)) as virtual:
        for wait_s in (0.0, 0.02, 0.05):
            with Device(virtual.port) as device:
                device._line.send(Command.TRACE, pixels[0].tobytes())
                time.sleep(wait_s)
            with Device(virtual.port) as device:
                assert agree(list(device.infer(pixels)), pixels)
            with Device(virtual.port) as device:
                assert traced(device, pixels, CHIP)


def test_traces_behind_images_that_are_still_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a slow core still does of images before is no part of the trace, not even of a first attempt."""
    monkeypatch.setattr("captwin.boards.host.device.TRIES", 1)
    chip = replace(load_chip("digits-small"), readout="first_spike")
    pixels, _ = load_dataset("digits").some(3)
    core = Core(chip, CoreOptions(4, 1, 1, trace=True, serial=True))
    with VirtualBoard(core) as virtual, Device(virtual.port) as device:
        for image in pixels:
            for _ in range(2):
                device._line.send(Command.INFER, pixels[0].tobytes())
            assert traced(device, image[None], chip)
        with pytest.raises(LinkError, match="refuses TRACE: WRONG_LENGTH"):
            device._ask(Command.TRACE, bytes(63))
        assert agree(list(device.infer(pixels)), pixels, chip)


def test_a_trace_that_loses_words_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, _ = load_dataset("digits").some(2)
    whole, lost = Line._frames, [30]

    def lossy(line: Line):
        for frame in whole(line):
            lost[0] -= 1
            if lost[0]:
                yield frame

    with VirtualBoard(Core(CHIP, LOADABLE)) as virtual, Device(virtual.port) as device:
        monkeypatch.setattr(Line, "_frames", lossy)
        assert traced(device, pixels, CHIP) and lost[0] < 0


def another_chip() -> Chip:
    """Fewer pixels and classes than CHIP's, other weights, other settings."""
    (layer,) = CHIP.layers
    smaller = {
        name: array[..., :8]
        for name, _, array in layer.arrays()
        if array is not None and array.shape[-1] == CHIP.classes
    }
    for name in ("charges", "c_plus", "c_minus"):
        smaller[name] = smaller[name][:60][::-1].copy()
    small = replace(layer, rest=layer.rest - 100, **smaller)
    encoder = replace(CHIP.encoder, steps=CHIP.encoder.steps - 1, phase=50)
    return replace(CHIP, image=(6, 10), layers=(small,), encoder=encoder, readout="first_spike")


@pytest.mark.parametrize("options", [LOADABLE, proof(CoreOptions(4, 1, 1, loadable=True, serial=True))])
def test_another_chip_is_loaded(options: CoreOptions) -> None:
    other = another_chip()
    pixels, _ = load_dataset("digits").some(20)
    fewer = pixels[:, :60].copy()
    with VirtualBoard(Core(CHIP, options)) as virtual:
        with Device(virtual.port) as device:
            assert agree(list(device.infer(pixels)), pixels)
            device.load(other)
            assert (device.build_id, device.sizes) == (other.build_id, other.sizes)
            assert agree(list(device.infer(fewer)), fewer, other)
            if options.trace:
                assert traced(device, fewer[:3], other)
            with pytest.raises(CaptwinError, match="a 64-64-10 chip does not fit a device of 64-10"):
                device.load(load_chip("digits"))
            assert agree(list(device.infer(fewer)), fewer, other)

        def interrupt(what: str, written: int, stores: int) -> None:
            if written == 3:
                raise KeyboardInterrupt

        with Device(virtual.port) as device, pytest.raises(KeyboardInterrupt):
            device.load(CHIP, interrupt)
        with Device(virtual.port) as device:
            assert device.build_id == NO_CHIP
            device.load(CHIP)
            assert device.build_id == CHIP.build_id and agree(list(device.infer(pixels)), pixels)


def test_a_fixed_board_takes_no_other_chip() -> None:
    with board() as virtual, Device(virtual.port) as device:
        with pytest.raises(CaptwinError, match="cannot be loaded; build its bitstream with --loadable"):
            device.load(CHIP)
        with pytest.raises(CaptwinError, match="cannot trace; build its bitstream with --trace"):
            device.trace(np.zeros(64, np.uint8))
        with pytest.raises(LinkError, match="refuses TRACE: UNKNOWN_COMMAND"):
            device._ask(Command.TRACE, bytes(64))
        with pytest.raises(LinkError, match="refuses WRITE: UNKNOWN_COMMAND"):
            device._ask(Command.WRITE, bytes(8))
