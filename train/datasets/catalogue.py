"""Images to train and test on: scikit-learn's digits (embedded) and MNIST (local folder or download)."""

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from captwin.hw.support.cache_folder import cache_folder
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import printable

#: Unpacked SHA-256 of MNIST's four files: train images, train labels, test images, test labels.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
#: bytes of the largest of the four files, generously, packed and unpacked
PACKED_LIMIT, UNPACKED_LIMIT = 1 << 25, 1 << 26
DATA_VARIABLE = "CAPTWIN_DATA"
#: :attr:`Dataset.sha256` of the data sets whose names are ours
KNOWN = {
    "digits": "3616d13d9b8a0a7a70107bddfd1b1572ec4785e7884f0571b848e039b01e1a3f",
    "mnist": "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b",
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (count, height * width) uint8 in raster order, labels (count,) int64."""

    name: str
    image: tuple[int, int]  #: height, width
    classes: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @cached_property
    def sha256(self) -> str:
        """Hash of all images and labels."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def some(self, images: int | None = None, *, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """So many test images from number ``first`` on, or all from there, and their labels.

        :class:`CaptwinError` if there are not so many, or none.
        """
        wanted = first + 1 if images is None else first + images
        if wanted > len(self.test_images):
            raise CaptwinError(f"images: {self.name} has {len(self.test_images)} test images, not {wanted}")
        part = slice(first, None if images is None else wanted)
        return self.test_images[part], self.test_labels[part]


def load_dataset(name: str) -> Dataset:
    """The data set called ``name``; :class:`CaptwinError` if there is none or its files are not to be had."""
    check_name(name)
    return DATASETS[name]()


def check_name(name: str) -> None:
    """Raises :class:`CaptwinError` unless a data set is called ``name``."""
    if name not in DATASETS:
        raise CaptwinError(f"data: no data set is called {printable(name)}; there are {', '.join(DATASETS)}")


def check_known(dataset: Dataset) -> None:
    """Raises :class:`CaptwinError` if ``dataset`` has the name of one of ours, and other images or labels."""
    if dataset.name in KNOWN and dataset.sha256 != KNOWN[dataset.name]:
        raise CaptwinError(
            f"data: called {dataset.name}, but its images or labels are not those of {dataset.name};"
            " give the data set a name of its own"
        )


def _digits() -> Dataset:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.round(digits.data * (255 / 16)).astype(np.uint8)
    parts = train_test_split(images, digits.target, test_size=360, random_state=0, stratify=digits.target)
    train_images, test_images, train_labels, test_labels = parts
    return Dataset(
        "digits", (8, 8), 10, train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64)
    )


def _mnist() -> Dataset:
    files = [_idx(name, _mnist_file(name)) for name in MNIST_FILES]
    train_images, train_labels, test_images, test_labels = files
    return Dataset(
        "mnist",
        (28, 28),
        10,
        train_images.reshape(len(train_images), -1),
        train_labels.astype(np.int64),
        test_images.reshape(len(test_images), -1),
        test_labels.astype(np.int64),
    )


DATASETS: dict[str, Callable[[], Dataset]] = {"digits": _digits, "mnist": _mnist}


def mnist_folder() -> Path | None:
    """Where MNIST lies on this machine: in ``CAPTWIN_DATA``, or among earlier downloads; None if it is in neither."""
    named = os.environ.get(DATA_VARIABLE)
    folders = [Path(named) / "mnist", Path(named), _downloads()] if named else [_downloads()]
    return next((path for path in folders if all((path / f"{name}.gz").is_file() for name in MNIST_FILES)), None)


def _mnist_file(name: str) -> Path:
    folder = mnist_folder()
    return folder / f"{name}.gz" if folder else _download(f"{name}.gz", os.environ.get(DATA_VARIABLE))


def _downloads() -> Path:
    return cache_folder()


def _download(name: str, folder: str | None) -> Path:
    import pooch

    looked = f"{DATA_VARIABLE}={folder} does not hold it" if folder else f"{DATA_VARIABLE} is not set"
    reason: object = None
    for source in MNIST_SOURCES:
        try:
            pooch.get_logger().setLevel("WARNING")
            # The content is verified after unpacking: the mirrors' archives differ in their gzip headers.
            return Path(pooch.retrieve(source + name, known_hash=None, fname=name, path=_downloads()))
        except (OSError, ValueError) as error:
            reason = type(error).__name__
    raise CaptwinError(
        f"data: {name} of MNIST is not to be had ({looked}; download failed: {reason});"
        f" put the four *.gz files into a folder and name it in {DATA_VARIABLE}"
    )


def _idx(name: str, path: Path) -> np.ndarray:
    """The array of a gzipped IDX file of unsigned bytes, its content checked against the known hash."""
    try:
        data = unpack(read_bytes(path, "images of MNIST", PACKED_LIMIT), UNPACKED_LIMIT)
    except (OSError, EOFError, zlib.error) as error:
        raise CaptwinError(f"{path}: cannot unpack ({error}); {_advice(path)}") from None
    if hashlib.sha256(data).hexdigest() != MNIST_FILES[name]:
        raise CaptwinError(f"{path}: is not MNIST's {name} (SHA-256 differs); {_advice(path)}")
    axes = data[3]
    shape = np.frombuffer(data, ">i4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def unpack(packed: bytes, limit: int) -> bytes:
    """What gzip data unpacks to, of which no more than ``limit`` bytes are ever held; OSError if there are more."""
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"it holds more than {limit:,} bytes")
    return data


def _advice(path: Path) -> str:
    """What to do about a file that is not MNIST's: other people's files are not to be deleted."""
    if path.parent == _downloads():
        return "delete it, and it is downloaded again"
    return (
        f"{DATA_VARIABLE} names its folder, which should hold the four files of MNIST and no other data set's;"
        " name another folder, or unset it to download them"
    )
