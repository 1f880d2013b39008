"""What a network in training will be as a real-time core, before it is trained."""

from captwin.hw.look_up import LookUp
from captwin.hw.real_time_area import RealTimeLayer, RealTimeSize
from captwin.train.config import TrainConfig
from captwin.train.config_tables import per_layer
from captwin.train.datasets.dataset import Dataset


def planned_size(config: TrainConfig, dataset: Dataset) -> RealTimeSize | None:
    """The core of the network that ``config`` trains, none of whose weights that may stay is zero by chance; None if
    its neurons need interpolation."""
    if config.direct is None:
        return None
    sizes = (dataset.image[0] * dataset.image[1], *config.hidden, dataset.classes)
    bits = per_layer(config.direct.drive_bits, config.layers)
    steps, sparsity = config.direct.steps(config.layers), per_layer(config.sparsity, config.layers)
    layers = []
    for rows, columns, drive_bits, step, zeros in zip(sizes, sizes[1:], bits, steps, sparsity, strict=False):
        weights = max(1, round((1 - zeros) * rows * columns))
        if zeros and config.fan_in:
            weights = min(weights, columns * config.fan_in)
        layers.append(RealTimeLayer(weights, columns, LookUp(step, drive_bits, config.direct.membrane_bits)))
    return RealTimeSize(sizes[0], config.encoder.kind, tuple(layers))
