"""The data sets by name."""

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.train.datasets.dataset import Dataset, Entry
from captwin.train.datasets.digits import DIGITS
from captwin.train.datasets.mnist import MNIST

DATASETS: dict[str, Entry] = {entry.name: entry for entry in (DIGITS, MNIST)}


def load_dataset(name: str) -> Dataset:
    """The data set called ``name``: ``load_dataset("digits").test_images`` is a (360, 64) array of bytes.

    Raises :class:`CaptwinError` if there is none of that name, or if its files are not to be had.

    >>> captwin.load_dataset("digits").test_images.shape
    (360, 64)
    """
    check_name(name)
    return DATASETS[name].load()


def check_name(name: str) -> None:
    """Raises :class:`CaptwinError` unless a data set is called ``name``."""
    if name not in DATASETS:
        raise CaptwinError(f"data: no data set is called {printable(name)}; there are {', '.join(DATASETS)}")


def check_known(dataset: Dataset) -> None:
    """Raises :class:`CaptwinError` if ``dataset`` has the name of one of ours, and other images or labels."""
    if dataset.name in DATASETS and dataset.sha256 != DATASETS[dataset.name].sha256:
        raise CaptwinError(
            f"data: called {dataset.name}, but its images or labels are not those of {dataset.name};"
            " give the data set a name of its own"
        )
