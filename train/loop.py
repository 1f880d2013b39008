"""The training loop: one seed gives one chip file, however often the run was stopped and resumed."""

import itertools
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import write_atomically
from captwin.hw.support.names import printable
from captwin.hw.support.progress import Progress, silent
from captwin.sim import activity
from captwin.sim.activity import Activity
from captwin.sim.neurons.circuits import ideal_twin, load_circuit
from captwin.sim.neurons.quantise import quantise
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.neurons.verdict import require_usable
from captwin.sim.noise import Noise
from captwin.train.augment import augment
from captwin.train.conditions import condition_accuracies, condition_tables, drawn, technologies
from captwin.train.config import ConfigError, TrainConfig
from captwin.train.config_tables import per_layer
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.dataset import Dataset
from captwin.train.evaluate import Difference, exact_accuracy, float_accuracy, float_difference
from captwin.train.export import export_chip
from captwin.train.model.direct import DirectNeurons
from captwin.train.model.network import FloatTrace, Network, Technology
from captwin.train.runs.checkpoint import RunState, load_checkpoint, save_checkpoint
from captwin.train.runs.curves import write_numbers, write_picture
from captwin.train.runs.identity import Identity, identity_of
from captwin.train.runs.run_folder import RunFolder
from captwin.train.start import begin_with
from captwin.train.teacher import build_teacher, load_teacher, save_teacher, teacher_batches, train_teacher
from captwin.train.zoo import load_chip

#: Neurons times images of a batch below which training stays on one thread.
SMALL = 1 << 14
#: Most conditions that a batch is divided among.
PLACES_A_BATCH = 4


@dataclass(frozen=True, eq=False)
class TrainResult:
    """What a run leaves; the accuracies are those of its best epoch on the test images."""

    chip: Chip
    chip_path: Path
    train_accuracy: float  #: in training mode's float arithmetic
    test_accuracy: float  #: in exact arithmetic
    epochs_done: int
    interrupted: bool
    difference: Difference  #: training mode against exact arithmetic, on the test images
    activity: Activity  #: of the chip, on the first test images
    v_read: tuple[float, float]  #: V, swing of the chip's row lines, and what the circuit is meant for
    conditions: dict[str, float]  #: exact accuracy under each of the conditions that were trained over, by their names


def train(
    config: TrainConfig,
    run_folder: Path,
    *,
    device: str = "cpu",
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> TrainResult:
    """Trains as ``config`` says and leaves config.json, checkpoint, curves and chip.safetensors in ``run_folder``.

    The last epoch that is within a standard error of the best on validation images, kept aside from the training ones,
    becomes the chip. Ctrl-C ends the training early and exports the best epoch so far; before the first epoch is done,
    or where the folder has the chip of an earlier run of the same configuration, it is raised and the chip left alone.
    A run of another configuration, or on other inputs, that is there is replaced only with ``overwrite``.
    ``device`` is PyTorch's name of what to compute on. ``progress`` is called after every batch, with what is being
    done, batches done, and batches in all. Raises :class:`CaptwinError` for data, circuits, devices, folders or
    checkpoints that are not to be had.

    >>> captwin.train_chip(captwin.load_config("digits-tiny", epochs=2), Path("runs/mine")).epochs_done
    2
    """
    target = _device(device)
    dataset = load_dataset(config.data)
    table = load_circuit(config.circuit)
    require_usable(table)
    if config.neuron == "ideal":
        table = ideal_twin(table)
    conditions = condition_tables(config)
    network = build_network(config, dataset, table).to(target)
    start = None if config.start is None else load_chip(config.start)
    if start is not None:
        begin_with(network, start)
    folder, identity = RunFolder(run_folder), identity_of(config, dataset, table, conditions, start)
    if resume and not folder.checkpoint.is_file():
        raise CaptwinError(f"{folder.checkpoint}: no checkpoint to resume from; train without --resume")
    run = _Run(config, folder, dataset, network, conditions, start, progress)
    with folder.claimed(identity, resume, overwrite):
        run.begin(identity, resume)
        write_atomically(run_folder / "config.json", json.dumps(config.model_dump(mode="json"), indent=2) + "\n")
        repeated = folder.chip.exists() and not resume
        interrupted = False
        try:
            with _threads(config):
                run.train()
        except KeyboardInterrupt:
            if repeated or not run.state.best:
                raise
            interrupted = True
        network.load_state_dict(run.state.best)
        return _finish(run, table, interrupted)


def build_network(config: TrainConfig, dataset: Dataset, table: NeuronTable) -> Network:
    """A new network, its weights drawn from the configuration's seed."""
    formats, direct = config.chip_formats, config.direct
    common = Technology(
        neuron=quantise(table, formats),
        mapping=config.mapping_for(table),
        table=table,
        bias_share=config.bias_share,
        quantised=config.levels != 0,
        surrogate_width=config.surrogate_width * table.threshold_span,
        sigma_c=config.sigma_c,
        sigma_threshold=config.sigma_threshold,
        noise=Noise(0, config.comparator_noise, config.reference_noise, config.supply_noise) if config.noise else None,
    )
    own = []
    for number, sparsity in enumerate(per_layer(config.sparsity, config.layers)):
        fan_in = config.fan_in if sparsity else 0
        layer = replace(common, mapping=config.mapping_for(table, number), sparsity=sparsity, fan_in=fan_in)
        if direct is not None:
            step = direct.steps(config.layers)[number]
            neurons = DirectNeurons(table, formats, step, direct.below, direct.above)
            layer = replace(layer, neuron=neurons.neuron(table.firing_drive), direct=neurons)
        own.append(layer)
    sizes = (*config.hidden, dataset.classes)
    return Network(dataset.image, sizes, config.encoder, config.readout, own, config.seed)


class _Run:
    """A network in training, and what belongs to it."""

    def __init__(
        self,
        config: TrainConfig,
        folder: RunFolder,
        dataset: Dataset,
        network: Network,
        conditions: dict[str, NeuronTable],
        start: Chip | None,
        progress: Progress,
    ) -> None:
        self.config, self.folder, self.dataset, self.network = config, folder, dataset, network
        self.conditions, self.start = conditions, start
        self.places = technologies(network, conditions) or [network.technology]
        self.device = next(network.parameters()).device
        self.progress, self.stage = progress, "training"
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.identity: Identity = {}
        self.state = RunState()
        images, labels = torch.tensor(dataset.train_images), torch.tensor(dataset.train_labels)
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(config.seed))
        aside = max(1, round(config.validation * len(images)))
        if aside >= len(images):
            raise CaptwinError(
                f"validation: {config.validation} of {len(images)} leaves no image to train on; lower it"
            )
        self.validation = images[order[:aside]].to(self.device), labels[order[:aside]].to(self.device)
        self.images, self.labels = images[order[aside:]].to(self.device), labels[order[aside:]].to(self.device)
        self.batches = math.ceil(len(self.images) / config.batch_size)
        self.teacher: nn.Module | None = None
        if config.distillation.epochs:
            self.teacher = build_teacher(dataset.image, dataset.classes, config.seed).to(self.device)

    def begin(self, identity: Identity, resume: bool) -> None:
        """A new run of ``identity``, or the one that the folder's checkpoint holds."""
        self.identity = identity
        if not resume:
            return
        if self.teacher is not None:
            self.identity = identity | {"teacher": load_teacher(self.teacher, self.folder.teacher)}
        self.state = load_checkpoint(
            self.folder.checkpoint, self.identity, self.network, self.optimizer, self.config.epochs
        )

    def train(self) -> None:
        """Trains the epochs that are still to do; each leaves a checkpoint."""
        if self.teacher is not None and "teacher" not in self.identity:
            self.identity["teacher"] = self._teach(self.teacher)
        epochs = self.config.epochs
        for epoch in range(self.state.epochs_done, epochs):
            row = {"epoch": float(epoch + 1), **self._epoch(epoch)}
            accuracy = self._validate()
            row["validation_accuracy"] = accuracy
            self._keep(row)
            self.stage = f"epoch {epoch + 1}/{epochs}, validation {100 * accuracy:.2f} %"
            self.progress(self.stage, self.batches * (epoch + 1), self.batches * epochs)

    def _validate(self) -> float:
        """Exact accuracy on the validation images: under several conditions the mean over these. It hardly depends on
        the luck of so few images, as that of the worst does, and yet falls if a single one of them fails."""
        chip = self.network.to_chip()
        accuracies = condition_accuracies(chip, self.conditions, *self.validation)
        return fmean(accuracies.values()) if accuracies else exact_accuracy(chip, *self.validation)

    def _teach(self, teacher: nn.Module) -> str:
        """Trains the teacher on the same images; the run folder keeps it. Returns its digest."""
        epochs = self.config.distillation.epochs
        total = epochs * teacher_batches(len(self.images))
        done = itertools.count(1)
        train_teacher(
            teacher,
            self.images,
            self.labels,
            epochs,
            self._augment,
            self.config.seed,
            lambda: self.progress("teacher", next(done), total),
        )
        return save_teacher(teacher, self.folder.teacher)

    def _augment(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        return augment(pixels, self.dataset.image, self.config.augmentation, generator)

    def _epoch(self, epoch: int) -> dict[str, float]:
        """Trains for one epoch. Its random numbers depend on seed and epoch alone, so that resuming needs no more."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.images), generator=generator).to(self.device)
        self.network.train()
        loss_sum, right = 0.0, 0
        spikes = [0.0] * len(self.network.layers)
        places = drawn(self.places, generator)
        pruned_by = max(1, round(config.pruning * config.epochs * self.batches))
        for batch, chosen in enumerate(order.split(config.batch_size)):
            done = epoch * self.batches + batch + 1
            if done <= pruned_by:
                self.network.prune(done / pruned_by)
            rate = config.learning_rate / 2 * (1 + math.cos(math.pi * (epoch + batch / self.batches) / config.epochs))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            pixels = self._augment(self.images[chosen], generator)
            scores, fired = self._forward(pixels, places, generator)
            loss = self._loss(scores, pixels, self.labels[chosen])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.network.clip_weights()
            if not math.isfinite(loss.item()):
                raise CaptwinError(f"training diverged in epoch {epoch + 1}; lower learning_rate")
            loss_sum += loss.item() * len(chosen)
            right += int((scores.argmax(1) == self.labels[chosen]).sum())
            spikes = [total + more for total, more in zip(spikes, fired, strict=True)]
            self.progress(self.stage, self.batches * epoch + batch + 1, self.batches * config.epochs)
        count = len(self.images)
        rates = {f"spike_rate_{number}": total / count for number, total in enumerate(spikes, 1)}
        return {"learning_rate": rate, "loss": loss_sum / count, "train_accuracy": right / count, **rates}

    def _forward(
        self, pixels: Tensor, places: Iterator[Technology], generator: torch.Generator
    ) -> tuple[Tensor, list[float]]:
        """Scores of a batch, and each layer's spike rate times its images. Under several conditions the batch is
        divided among some of them, so that no step follows the gradient of one alone."""
        parts = pixels.chunk(min(len(self.places), PLACES_A_BATCH))
        scores, spikes = [], [0.0] * len(self.network.layers)
        for part, place in zip(parts, places, strict=False):
            curves = None if place is self.network.technology else place.curves
            traces = self.network.trace(part, generator, curves)
            scores.append(self._scores(traces[-1], place))
            fired = [trace.spikes.detach().mean().item() * len(part) for trace in traces]
            spikes = [total + more for total, more in zip(spikes, fired, strict=True)]
        return torch.cat(scores), spikes

    def _loss(self, scores: Tensor, pixels: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with the labels, and with the teacher's softened judgement of the same pixels."""
        loss = cross_entropy(scores, labels)
        if self.teacher is None:
            return loss
        weight, temperature = self.config.distillation.weight, self.config.distillation.temperature
        with torch.no_grad():
            judged = torch.softmax(self.teacher(pixels) / temperature, 1)
        softened = cross_entropy(scores / temperature, judged) * temperature**2
        return (1 - weight) * loss + weight * softened

    def _scores(self, last: FloatTrace, place: Technology) -> Tensor:
        """What the loss sees of the output neurons at ``place``: spikes, and a share of the membranes between them."""
        neuron, table = place.neuron, self.network.technology.table
        rise = table.share * table.firing_drive * self.config.membrane_weight
        membranes = (last.membranes.mean(0) - neuron.rest) * (neuron.membranes.lsb / rise)
        return last.spikes.sum(0) + membranes

    def _keep(self, row: dict[str, float]) -> None:
        state = self.state
        state.history.append(row)
        state.epochs_done = int(row["epoch"])
        accuracy = row["validation_accuracy"]
        state.best_accuracy = max(state.best_accuracy, accuracy)
        # Among epochs that so many images cannot tell apart, the later one has trained longer, at a lower rate.
        chance = math.sqrt(state.best_accuracy * (1 - state.best_accuracy) / len(self.validation[1]))
        if accuracy >= state.best_accuracy - chance:
            state.best_epoch = state.epochs_done
            state.best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        save_checkpoint(self.folder.checkpoint, self.identity, self.network, self.optimizer, state)
        write_numbers(self.folder.path, state.history)


@contextmanager
def _threads(config: TrainConfig) -> Iterator[None]:
    """One thread for networks so small that a second one costs more than it brings, above all on a busy machine."""
    before = torch.get_num_threads()
    if config.batch_size * max(config.hidden, default=1) < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _finish(run: _Run, table: NeuronTable, interrupted: bool) -> TrainResult:
    """Measures the network on the test images and writes curves and chip."""
    images, labels = torch.tensor(run.dataset.test_images), torch.tensor(run.dataset.test_labels)
    images, labels = images.to(run.device), labels.to(run.device)
    state = run.state
    test = exact_accuracy(run.network.to_chip(), images, labels)
    accuracy: dict[str, Any] = {
        "test": test,
        "test_images": len(images),
        "validation": state.history[state.best_epoch - 1]["validation_accuracy"],
        "epoch": state.best_epoch,
    }
    conditions = condition_accuracies(run.network.to_chip(), run.conditions, images, labels)
    if conditions:
        accuracy["conditions"] = conditions
    alive = activity.measure(run.network.to_chip(), run.dataset.test_images)
    chip = export_chip(run.network, run.config, run.dataset, accuracy, alive.warnings(), run.conditions, run.start)
    chip.save(run.folder.chip)
    if state.history:
        sizes = "-".join(str(size) for size in chip.sizes)
        title = f"{run.dataset.name}, {sizes}, {table.circuit}: test {100 * test:.2f} %"
        write_picture(run.folder.path, state.history, title)
    return TrainResult(
        chip=chip,
        chip_path=run.folder.chip,
        train_accuracy=float_accuracy(run.network, images, labels),
        test_accuracy=test,
        epochs_done=state.epochs_done,
        interrupted=interrupted,
        difference=float_difference(run.network, images),
        activity=alive,
        v_read=(chip.analog.v_read, table.v_read),
        conditions=conditions,
    )


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        message = f"PyTorch cannot compute on {printable(name)} here; use cpu or a build that can"
        raise ConfigError(message, "device") from None
    return device
