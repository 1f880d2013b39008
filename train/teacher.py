"""Distillation: a convolutional network of ordinary neurons, whose judgement of every image the circuit learns too.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. The teacher is no part of the chip.
"""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from captwin.hw.support.errors import CaptwinError
from captwin.train.runs.sealed import check_tensors, load_sealed, save_sealed

BATCH = 256
LEARNING_RATE = 2e-3


def build_teacher(image: tuple[int, int], classes: int, seed: int) -> nn.Sequential:
    """(images, pixels) uint8 to (images, classes) scores; its weights drawn from ``seed``."""
    height, width = (side // 4 for side in image)
    if not height or not width:
        raise CaptwinError(
            f"distillation: images of {image[0]} x {image[1]} are too small for its teacher; leave it out"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            _Image(image),
            *(nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * height * width, 128), nn.ReLU(), nn.Linear(128, classes)),
        )


def teacher_batches(images: int) -> int:
    """Batches of one epoch."""
    return math.ceil(images / BATCH)


def train_teacher(
    teacher: nn.Module,
    images: Tensor,
    labels: Tensor,
    epochs: int,
    augmented: Callable[[Tensor, torch.Generator], Tensor],
    seed: int,
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Trains on (images, pixels) uint8 as ``augmented`` changes them, and puts ``teacher`` in eval mode; ``tell`` hears
    of each batch."""
    optimizer = torch.optim.Adam(teacher.parameters(), lr=LEARNING_RATE)
    generator = torch.Generator().manual_seed(seed)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=epochs * teacher_batches(len(images))
    )
    teacher.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(images), generator=generator).to(images.device).split(BATCH):
            loss = cross_entropy(teacher(augmented(images[chosen], generator)), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            tell()
    teacher.eval()


def save_teacher(teacher: nn.Module, path: Path) -> str:
    """Writes a teacher for :func:`load_teacher`, and returns the digest that tells it from others."""
    return save_sealed(path, {}, teacher.state_dict())


def load_teacher(teacher: nn.Module, path: Path) -> str:
    """Puts a teacher saved before back, in eval mode, and returns its digest; :class:`CaptwinError` if ``path`` does
    not hold it."""
    sealed = load_sealed(path, "teacher of this run")
    try:
        check_tensors(sealed.tensors, teacher.state_dict(), str(path))
    except CaptwinError as error:
        raise CaptwinError(f"{error}; train without --resume") from None
    teacher.load_state_dict(sealed.tensors)
    teacher.eval()
    return sealed.sha256


class _Image(nn.Module):
    def __init__(self, image: tuple[int, int]) -> None:
        super().__init__()
        self.image = image

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.view(-1, 1, *self.image).float() / 255
