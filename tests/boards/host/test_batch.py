"""A batch of images through a device: answers, rates, and how far it is."""

import numpy as np
import pytest

from captwin.boards.host.batch import run_batch
from captwin.boards.host.device import Device
from tests.boards.host.fake_device import ABOUT, CLASSES, FakeDevice

IMAGES = np.arange(20, dtype=np.uint8).reshape(5, 4)


def test_batch() -> None:
    steps: list[tuple[str, int, int]] = []
    with FakeDevice() as fake, Device(fake.port) as device:
        before = device.sent
        batch = run_batch(device, IMAGES, progress=lambda *step: steps.append(step))
        sent = device.sent - before
    labels = IMAGES[:, 0] % CLASSES
    assert [answer.label for answer in batch.answers] == labels.tolist()
    assert batch.accuracy(labels) == 1 and batch.accuracy(1 - labels) == 0
    assert batch.mean_cycles == 1000 + IMAGES[:, 0].mean()
    assert steps == [("images answered", done, 5) for done in range(1, 6)]
    assert batch.line_limit == pytest.approx(ABOUT["baud"] / (10 * sent / 5))
    assert batch.images_per_s == pytest.approx(5 / batch.seconds)
    assert batch.device_rate is None  # the fake's clock stands still
    assert batch.traces == () and batch.numbers_traced == 0
