"""How well a network does, in float and exactly, and how far the two differ."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from captwin.hw.chip import Chip, Readout
from captwin.train.model.exact import ExactNetwork
from captwin.train.model.network import FloatTrace, Network

BATCH = 500


@torch.no_grad()
def exact_accuracy(chip: Chip, images: Tensor, labels: Tensor) -> float:
    """Share of (images, pixels) uint8 that the chip's exact arithmetic puts into the class of ``labels``."""
    network = ExactNetwork(chip).to(images.device)
    parts = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    right = sum(int((network(part).labels == truth).sum()) for part, truth in parts)
    return right / len(images)


@torch.no_grad()
def float_accuracy(network: Network, images: Tensor, labels: Tensor) -> float:
    """The same in training mode's float arithmetic."""
    parts = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    bits = network.technology.neuron.formats.membrane_bits
    right = 0
    for part, truth in parts:
        right += int((float_labels(network.trace(part)[-1], network.readout, bits) == truth).sum())
    return right / len(images)


def float_labels(last: FloatTrace, readout: Readout, membrane_bits: int) -> Tensor:
    """The readout's classes from the float trace of the last layer."""
    steps, images, _ = last.spikes.shape
    running = last.spikes.cumsum(0)
    end = torch.full((images,), steps - 1, device=last.spikes.device)
    if readout == "first_spike":
        end = running.sum(2).eq(0).sum(0).clamp(max=steps - 1)
    rows = torch.arange(images, device=last.spikes.device)
    score = running[end, rows].double() * (1 << membrane_bits) + last.membranes[end, rows].double()
    return score.argmax(1)


@dataclass(frozen=True)
class Difference:
    """How often training-mode float differs from the exact arithmetic; shares of all neurons, steps and images."""

    drives: float  #: share of drive codes that differ
    membranes: float  #: share of membrane codes that differ
    membranes_beyond_one: float  #: share of membrane codes that differ by more than one
    spikes: float  #: share of spikes that differ
    labels: float  #: share of images with another class

    def as_dict(self) -> dict[str, float]:
        """The fields by name."""
        return asdict(self)


@torch.no_grad()
def float_difference(network: Network, images: Tensor) -> Difference:
    """Runs (images, pixels) uint8 both ways, each with its own state throughout, and compares them."""
    exact = ExactNetwork(network.to_chip()).to(images.device)
    bits = network.technology.neuron.formats.membrane_bits
    unequal = torch.zeros(5, dtype=torch.float64)
    values = 0
    for part in images.split(BATCH):
        answer, traces = exact(part, trace=True), network.trace(part)
        for ours, theirs in zip(answer.traces, traces, strict=True):
            apart = (theirs.membranes.transpose(0, 1).round().long() - ours.membranes).abs()
            drives = (theirs.drives.transpose(0, 1).round().long() != ours.drives).sum()
            spikes = (theirs.spikes.transpose(0, 1).long() != ours.spikes).sum()
            unequal[:4] += torch.stack([drives, (apart > 0).sum(), (apart > 1).sum(), spikes]).cpu()
            values += apart.numel()
        labels = float_labels(traces[-1], network.readout, bits)
        unequal[4] += int((labels != answer.labels).sum())
    shares = (unequal / torch.tensor([values] * 4 + [len(images)])).tolist()
    return Difference(*shares)
