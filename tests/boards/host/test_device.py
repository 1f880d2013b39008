"""The driver against a device that misbehaves."""

import random
from pathlib import Path

import numpy as np
import pytest

from captwin.boards.host import line
from captwin.boards.host.answer import Answer, Counters
from captwin.boards.host.device import Device
from captwin.boards.host.line import LinkError, Request
from captwin.hw.link.protocol import VERSIONS, Command
from captwin.sim import golden
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.boards.host.fake_device import FakeDevice, answer_of
from tests.boards.host.replay import Replay, read_conversation

CONVERSATION = Path(__file__).parent / "conversations" / "digits-tiny.txt"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PATIENCE_S", 0.1)


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 100, (count, 4)).astype(np.uint8)


def expected(image: np.ndarray) -> Answer:
    first, *_ = image.tolist()
    counters = Counters(cycles=0, events=(1, 2), spikes=(3, 4), saturated=(5, 6))
    numbers = image.tolist()
    return Answer(first % 2, 1, 1000 + first, (numbers[1], numbers[2]), (numbers[3], sum(numbers)), counters)


def test_everything_it_can_do() -> None:
    with FakeDevice() as fake, Device(fake.port) as device:
        assert device.build_id == 0x0123456789ABCDEF and device.sizes == (4, 3, 2)
        assert device.loopback(b"\0abc") == b"\0abc"
        assert device.counters() == Counters(cycles=0, events=(1, 2), spikes=(3, 4), saturated=(5, 6))
        device.reset()
        pixels = images(20)
        assert list(device.infer(pixels)) == [expected(image) for image in pixels]
    assert [command for command, _, _ in fake.requests][:4] == [
        Command.IDENTIFY,
        Command.LOOPBACK,
        Command.COUNTERS,
        Command.RESET,
    ]
    assert len({tag for _, tag, _ in fake.requests}) == len(fake.requests)


def test_no_more_under_way_than_the_device_takes() -> None:
    silent = [True]
    with FakeDevice(lambda number, frame: b"" if number and silent[0] else frame) as fake, Device(fake.port) as device:
        answers = device.infer(images(10))
        with pytest.raises(LinkError, match="no answer to INFER; see that the board is on"):
            next(answers)
        assert {body for _, _, body in fake.requests[1:]} == {image.tobytes() for image in images(10)[:3]}
        assert len(fake.requests) == 1 + 3 * line.TRIES
        silent[0] = False
        assert device.loopback(b"again") == b"again"


def cut(frame: bytes, dice: random.Random) -> bytes:
    return frame[: dice.randrange(len(frame))]


def flip(frame: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(frame))
    return frame[:place] + bytes([frame[place] ^ 1 << dice.randrange(8)]) + frame[place + 1 :]


MISHAPS = {
    "lost": lambda frame, dice: b"",
    "cut": cut,
    "flipped": flip,
    "doubled": lambda frame, dice: frame + frame,
    "behind garbage": lambda frame, dice: dice.randbytes(dice.randrange(1, 40)) + b"\0" + frame,
    "before garbage": lambda frame, dice: frame + dice.randbytes(dice.randrange(1, 40)),
}


@pytest.mark.parametrize("name", MISHAPS)
def test_damaged_replies(name: str) -> None:
    dice = random.Random(name)
    spared = random.Random(f"{name} spared")

    def mishap(number: int, frame: bytes) -> bytes:
        return frame if spared.random() < 0.8 else MISHAPS[name](frame, dice)

    pixels = images(30)
    with FakeDevice(mishap) as fake, Device(fake.port) as device:
        assert list(device.infer(pixels)) == [expected(image) for image in pixels]


def test_replies_to_others_are_passed_over() -> None:
    earlier = []

    def mishap(number: int, frame: bytes) -> bytes:
        earlier.append(frame)
        return b"".join(dict.fromkeys([*random.Random(number).sample(earlier, min(3, len(earlier))), frame]))

    pixels = images(30)
    with FakeDevice(mishap) as fake, Device(fake.port) as device:
        assert list(device.infer(pixels)) == [expected(image) for image in pixels]


def test_errors() -> None:
    with pytest.raises(LinkError, match="/dev/none: cannot be opened"):
        Device("/dev/none")
    with FakeDevice(lambda number, frame: b"") as fake:
        with pytest.raises(LinkError, match=r"no answer to IDENTIFY; see .* its baud rate is 9600"):
            Device(fake.port, baud=9600)
        with pytest.raises(LinkError, match="no answer at 3000000, 4000000, 6000000 baud; see that the board is on"):
            Device(fake.port)
    with FakeDevice(about=b"what?") as fake, pytest.raises(LinkError, match="does not say what it is"):
        Device(fake.port)
    with (
        FakeDevice(about=b'{"protocol": 99}') as fake,
        pytest.raises(LinkError, match=f"speaks protocol 99, this is {VERSIONS[-1]}; build its bitstream again"),
    ):
        Device(fake.port)
    with FakeDevice() as fake, Device(fake.port) as device:
        with pytest.raises(LinkError, match="refuses LOOPBACK: WRONG_LENGTH"):
            device.loopback(bytes(51))
        with pytest.raises(ValueError, match=r"an image must be \(4,\) uint8, got \(5,\) uint8"):
            next(device.infer([np.zeros(5, np.uint8)]))


def test_a_port_that_is_busy() -> None:
    with FakeDevice() as fake, Device(fake.port), pytest.raises(LinkError, match="cannot be opened"):
        Device(fake.port)


def test_a_port_that_goes() -> None:
    with FakeDevice() as fake, Device(fake.port) as device:
        fake.unplug()
        with pytest.raises(LinkError, match=r"gone|no answer"):
            device.counters()


def test_a_recorded_conversation() -> None:
    """Of a virtual board with `digits-tiny`: as the driver talked then, and as the golden model answers now."""
    chip, pixels = load_chip("digits-tiny"), load_dataset("digits").test_images[:4]
    with Replay(CONVERSATION) as replay, Device(replay.port, first_tag=replay.first_tag) as device:
        device.reset()
        answers = list(device.infer(pixels))
        counters = device.counters()
        assert device.loopback(bytes(range(40))) == bytes(range(40))
        assert not replay.wrong
    expected = golden.run(chip, pixels)
    assert device.build_id == chip.build_id and device.sizes == chip.sizes
    assert [answer.label for answer in answers] == expected.labels.tolist()
    assert np.array_equal([answer.counts for answer in answers], expected.counts)
    assert np.array_equal([answer.membranes for answer in answers], expected.membranes)
    assert counters.spikes == (int(expected.counts.sum()),)


def test_what_is_recorded_is_what_is_said(tmp_path: Path) -> None:
    with FakeDevice() as fake, Device(fake.port, record=tmp_path / "talk.txt", first_tag=5) as device:
        device.loopback(b"hello")
    turns = read_conversation(tmp_path / "talk.txt")
    assert [way for way, _ in turns] == ["TX", "RX"] * 2
    assert turns[2][1] == Request(Command.LOOPBACK, 6, b"hello").frame()
    with Replay(tmp_path / "talk.txt") as replay, Device(replay.port, first_tag=5) as device:
        assert device.loopback(b"hello") == b"hello"
    with Replay(tmp_path / "talk.txt") as replay, Device(replay.port, first_tag=5) as device:
        with pytest.raises(LinkError, match="no answer to LOOPBACK"):
            device.loopback(b"hallo")
        assert replay.wrong


def test_what_is_left_from_before_does_no_harm() -> None:
    with FakeDevice() as fake:
        with Device(fake.port) as device:
            answers = device.infer(images(3))
            next(answers)
            device._line._write(b"\x05half a fra")
        with Device(fake.port) as device:
            assert device.loopback(b"fine") == b"fine"
            assert answer_of(bytes(4))[:1] == b"\0"
