"""Whatever comes over the line, the device answers the next good frame and says what it holds, and the driver is never
told anything wrong."""

import struct
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.boards.host.device import NO_CHIP, Device
from captwin.boards.host.line import RefusedError, Request
from captwin.boards.host.loading import contents, digest
from captwin.boards.host.loading import requests as bodies
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.gates.stores import Contents
from captwin.hw.link.about import chip_store, room_of
from captwin.hw.link.protocol import ABOUT, LEAST_BODY, Command, Status
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.agreement import mismatches
from captwin.sim import golden
from captwin.sim.rtl.simulators import missing_tools
from captwin.sim.rtl.virtual import VirtualBoard
from tests.support.chips import SMALL, like, random_chip, random_pixels
from tests.system.link import sequences
from tests.system.link.model import Model
from tests.system.link.sequences import Ask, Burst, Load, Noise, Prove, Step

pytestmark = pytest.mark.skipif(bool(missing_tools("verilator")), reason="Verilator's tools are not installed")
SIZES = (7, 5, 4)
CORES = {
    "fixed": CoreOptions(4, 1, 2, trace=True),
    "loadable": CoreOptions(4, 1, 2, trace=True, loadable=True),
    "serial": CoreOptions(2, 1, 1, loadable=True, serial=True),
}
IMAGES = 4
#: how long the simulated device may take, however slow the machine
PATIENCE_S, RESET_S = 20.0, 0.5


class Bench:
    """A device, the model of it, and the chips that go into it with golden's answers."""

    def __init__(self, device: Device, options: CoreOptions) -> None:
        self.device = device
        first = base()
        self.chips = [first, *(like(first, seed, sizes) for seed, sizes in ((7, SIZES), (8, (6, 4, 3))))]
        self.pixels = [random_pixels(5, chip, IMAGES) for chip in self.chips]
        self.images = [
            np.pad(image, (0, SIZES[0] - len(image))).tobytes() for images in self.pixels for image in images
        ]
        self.expected = [golden.run(chip, pixels) for chip, pixels in zip(self.chips, self.pixels, strict=True)]
        self.stores: list[list[Contents]] = []  #: of each chip
        if options.loadable:
            room = room_of(Core(first, options))
            for chip in self.chips:
                self.stores.append([*contents(chip, room), chip_store(chip, room)])
        stores = self.stores[0] if self.stores else []
        self.failed = False
        self.model = Model(SIZES[0], options.trace, first, stores)
        self.steps = sequences.sequences(self.images, stores, len(self.chips))

    def run(self, sequence: list[Step]) -> None:
        """Each reply must be the model's, and the device must be what the model is in the end."""
        if self.failed and self.stores:  # before; whatever the device is, it becomes a chip that is known
            self.load(Load(0, "none", 0, ()))
        self.failed = True
        for step in sequence:
            match step:
                case Ask():
                    self.ask(step.command, step.body)
                case Prove():
                    self.ask(Command.PROVE, self.model.digest)
                case Noise():
                    self.device._line._write(step.data + b"\0")
                case Burst():
                    self.burst(step)
                case Load():
                    self.load(step)
        self.check()
        self.failed = False

    def ask(self, command: int, body: bytes) -> bytes:
        """Sends a request once and compares the status of its reply."""
        expected = self.model.status(command, body)
        line = self.device._line
        request = line.send(command, body)  # type: ignore[arg-type]
        if command == Command.TRACE and expected == Status.OK:  # words come, too
            request = Request(Command.INFER, request.tag, body)
        end = time.monotonic() + PATIENCE_S
        while request.reply is None and time.monotonic() < end:
            line._look([request])
        assert request.reply is not None, f"no answer to {command} {body.hex()}"
        assert request.status == expected, f"to {command} {body.hex()}"
        if command == Command.LOOPBACK:
            assert request.reply == body
        return request.reply

    def burst(self, step: Burst) -> None:
        """What RESET overtakes may have been done or not."""
        for ask in step.asks:
            self.device._line.send(ask.command, ask.body)  # type: ignore[arg-type]
        self.device._line._patience_s = RESET_S  # a device that cannot be loaded drops it while two others wait
        self.device.reset()
        self.device._line._patience_s = PATIENCE_S
        if not any(ask.command == Command.WRITE for ask in step.asks):
            for ask in (*step.asks, Ask(Command.RESET, b"")):
                self.model.status(ask.command, ask.body)
        elif self.stores:
            self.model.status(Command.RESET, b"")
            if self.identify():
                self.answer()
            self.load(Load(0, "none", 0, ()))  # whatever has been written, it is known again

    def load(self, step: Load) -> None:
        """Writes what a chip is, with a fault; PROVE must not be satisfied then."""
        stores = self.stores[step.number]
        requests = [
            Ask(Command.WRITE, body)
            for number, entry in enumerate(stores)
            for body in bodies(ABOUT if number == len(stores) - 1 else number, entry, LEAST_BODY)
        ]
        place = step.place % len(requests)
        match step.fault:
            case "bit":
                body = bytearray(requests[place].body)
                body[-1] ^= 1
                requests[place] = Ask(Command.WRITE, bytes(body))
            case "lost":
                del requests[place]
            case "twice":
                requests.insert(place, requests[place])
            case "swapped":
                requests[place - 1], requests[place] = requests[place], requests[place - 1]
            case "cut short" | "interrupted":
                requests = requests[:place]
            case "steps":
                place = next(n for n, request in enumerate(requests) if request.body[:2] == b"\1\0")  # the encoder's
                requests[place] = Ask(Command.WRITE, requests[place].body[:5] + b"\xff" + requests[place].body[6:])
        self.ask(Command.RESET, b"")
        for number, request in enumerate(requests):
            self.ask(request.command, request.body)
            if number % 7 == place % 7 and number // 7 < len(step.between):
                between = step.between[number // 7]
                self.ask(between.command, between.body)
        if step.fault == "interrupted":
            return
        proof = digest(stores)
        if step.fault == "digest":
            proof = bytes(byte ^ 0xFF for byte in proof)
        expected = self.model.status(Command.PROVE, proof)
        assert (expected == Status.OK) == (step.fault == "none") or self.model.chip
        try:
            self.device._ask(Command.PROVE, proof, tries=1)
            assert expected == Status.OK
            if step.fault == "none":
                self.model.chip = self.chips[step.number]
        except RefusedError as error:
            assert error.status == expected == Status.NOT_PROVED
        self.ask(Command.RESET, b"")

    def identify(self) -> bool:
        """Whether the device says that it holds a chip, which must be the model's."""
        self.device.about = self.device._identity(self.ask(Command.IDENTIFY, b""))
        if not self.device.build_id:
            assert self.device.about.sizes is None
            return False
        assert self.model.chip and self.device.build_id == self.model.chip.build_id
        assert self.device.sizes == self.model.chip.sizes
        return True

    def check(self) -> None:
        self.ask(Command.RESET, b"")
        assert self.identify() == bool(self.model.chip)
        if not self.model.chip:
            self.ask(Command.INFER, self.images[0])  # which is refused
            self.load(Load(0, "none", 0, ()))
            assert self.identify()
        self.answer()

    def answer(self) -> None:
        """The device answers as the golden model of its chip."""
        number = next(n for n, chip in enumerate(self.chips) if chip is self.model.chip)
        answers = list(self.device.infer(self.pixels[number]))
        assert not mismatches(answers, self.expected[number])


def base() -> Chip:
    """The chip that devices are made with."""
    return random_chip(12, sizes=SIZES, kind="rate", readout="most_spikes", formats=SMALL)


@pytest.fixture(scope="module", params=CORES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    options = CORES[request.param]
    with VirtualBoard(Core(base(), options)) as board, Device(board.port, patience_s=PATIENCE_S) as device:
        yield Bench(device, options)


def write(store: int, address: int, words: bytes, width: int = 2) -> Ask:
    return Ask(Command.WRITE, struct.pack("<HHB", store, address, width) + words)


def test_writes_that_are_refused_change_nothing(bench: Bench) -> None:
    """Time steps that no counter reaches once locked the device; store 4096 + n was store n."""
    if not bench.stores:
        assert bench.model.status(Command.WRITE, bytes(8)) == Status.UNKNOWN_COMMAND
        return
    infer = [Ask(Command.INFER, image) for image in bench.images[:4]]
    refused = {
        write(1, 0, b"\xff\xff"): Status.OUT_OF_RANGE,
        write(4096 + 1, 0, b"\x00\x00"): Status.NO_STORE,
        write(1, 1, b"\x00\x00"): Status.NO_STORE,
        write(1, 0, b"\x00\x00\x00", 3): Status.NO_STORE,
        write(1, 0, b"\x00", 2): Status.WRONG_LENGTH,
        write(ABOUT, len(bench.stores[0][-1].words), b"x", 1): Status.NO_STORE,
    }
    for ask, status in refused.items():
        assert bench.model.status(ask.command, ask.body) == status
        bench.run([ask, *infer])
        assert bench.model.chip is bench.chips[0]


def test_no_chip_from_the_first_word_until_all_are_proved(bench: Bench) -> None:
    if not bench.stores:
        return
    bench.ask(Command.RESET, b"")
    bench.ask(Command.WRITE, write(0, 0, bytes(8), 8).body)
    assert not bench.identify() and bench.device.build_id == NO_CHIP
    with pytest.raises(CaptwinError, match="no known chip, as after a load that was interrupted; load one: captwin"):
        list(bench.device.infer(bench.pixels[0]))
    with pytest.raises(RefusedError, match="refuses PROVE: what it holds is not all that was sent"):
        bench.device._ask(Command.PROVE, bench.model.digest)
    assert not bench.identify()
    for number, chip in enumerate(bench.chips):
        bench.device.load(chip)
        bench.model.chip = chip
        assert bench.identify()
        assert not mismatches(list(bench.device.infer(bench.pixels[number])), bench.expected[number])
    bench.device.load(bench.chips[0])
    bench.model.chip = bench.chips[0]


def fuzz(examples: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, deadline=None, print_blob=True, suppress_health_check=slow)


@fuzz(12)
@given(data=st.data())
def test_the_device_is_what_the_document_says(bench: Bench, data: st.DataObject) -> None:
    bench.run(data.draw(bench.steps))


@pytest.mark.proof
@fuzz(1200)
@given(data=st.data())
def test_the_device_is_what_the_document_says_at_length(bench: Bench, data: st.DataObject) -> None:
    bench.run(data.draw(bench.steps))
