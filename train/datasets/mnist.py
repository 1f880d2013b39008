"""MNIST: 70,000 handwritten digits of 28 x 28, from a local folder or downloaded."""

import gzip
import hashlib
import io
import os
import zlib
from pathlib import Path

import numpy as np

from captwin.hw.support.cache_folder import cache_folder
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.train.datasets.dataset import Dataset, Entry

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
#: bytes that none of the four files exceeds, packed and unpacked
PACKED_LIMIT, UNPACKED_LIMIT = 1 << 25, 1 << 26
DATA_VARIABLE = "CAPTWIN_DATA"


def load() -> Dataset:
    """MNIST from :func:`mnist_folder`, or downloaded; 60,000 images to train on, 10,000 to test on.

    Raises :class:`CaptwinError` if a file is damaged, is another data set's, or cannot be downloaded.
    """
    train_images, train_labels, test_images, test_labels = (_idx(name, _file(name)) for name in MNIST_FILES)
    return Dataset(
        name="mnist",
        image=(28, 28),
        classes=10,
        train_images=train_images.reshape(len(train_images), -1),
        train_labels=train_labels.astype(np.int64),
        test_images=test_images.reshape(len(test_images), -1),
        test_labels=test_labels.astype(np.int64),
    )


def mnist_folder() -> Path | None:
    """Where MNIST lies on this machine: in ``CAPTWIN_DATA``, or among earlier downloads; None if it is in neither."""
    named = os.environ.get(DATA_VARIABLE)
    folders = [Path(named) / "mnist", Path(named), _downloads()] if named else [_downloads()]
    return next((path for path in folders if all((path / f"{name}.gz").is_file() for name in MNIST_FILES)), None)


def _file(name: str) -> Path:
    folder = mnist_folder()
    return folder / f"{name}.gz" if folder else _download(f"{name}.gz", os.environ.get(DATA_VARIABLE))


def _downloads() -> Path:
    return cache_folder()


def _download(name: str, folder: str | None) -> Path:
    import pooch

    search = f"{DATA_VARIABLE}={folder} does not hold it" if folder else f"{DATA_VARIABLE} is not set"
    reason: object = None
    for source in MNIST_SOURCES:
        try:
            pooch.get_logger().setLevel("WARNING")
            # The content is verified after unpacking: the mirrors' archives differ in their gzip headers.
            return Path(pooch.retrieve(source + name, known_hash=None, fname=name, path=_downloads()))
        except (OSError, ValueError) as error:
            reason = type(error).__name__
    raise CaptwinError(
        f"data: {name} of MNIST is not to be had ({search}; download failed: {reason});"
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


MNIST = Entry("mnist", "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b", load)
