import gzip
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.train.datasets import catalogue as data
from captwin.train.datasets.catalogue import DATA_VARIABLE, MNIST_FILES, load_dataset


def test_digits():
    digits = load_dataset("digits")
    assert digits.train_images.shape == (1437, 64) and digits.test_images.shape == (360, 64)
    assert digits.train_images.dtype == np.uint8 and digits.train_labels.dtype == np.int64
    assert digits.train_images.max() == 255
    assert np.bincount(digits.test_labels).min() >= 34  # stratified
    assert digits.sha256 == load_dataset("digits").sha256


def test_mnist(mnist):
    assert mnist.train_images.shape == (60000, 784) and mnist.test_images.shape == (10000, 784)
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.image == (28, 28)


def test_some():
    digits = load_dataset("digits")
    for images, first, stop in ((None, 0, 360), (5, 0, 5), (None, 357, 360), (3, 357, 360)):
        pixels, labels = digits.some(images, first=first)
        assert np.array_equal(pixels, digits.test_images[first:stop])
        assert np.array_equal(labels, digits.test_labels[first:stop])
    for images, first in ((361, 0), (4, 357), (None, 360)):
        with pytest.raises(CaptwinError, match="images: digits has 360 test images, not 361"):
            digits.some(images, first=first)


def test_unknown_name():
    with pytest.raises(CaptwinError, match="no data set is called 'fashion'; there are digits, mnist"):
        load_dataset("fashion")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not gzip", "cannot unpack"),
        (gzip.compress(b"0" * 2000, mtime=0)[:20], "cannot unpack"),
        (
            gzip.compress(b"\0\0\x08\x01\0\0\0\x01\x05", mtime=0),
            r"is not MNIST's train-images-idx3-ubyte \(SHA-256 differs\)",
        ),
    ],
    ids=["plain", "cut", "another"],
)
@pytest.mark.parametrize("inner", ["", "mnist"])
def test_bad_files(tmp_path, monkeypatch, content, message, inner):
    folder = tmp_path / inner
    folder.mkdir(exist_ok=True)
    for name in MNIST_FILES:
        (folder / f"{name}.gz").write_bytes(content)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    with pytest.raises(CaptwinError, match=message) as caught:
        load_dataset("mnist")
    assert "\n" not in str(caught.value)
    # They may be somebody's Fashion-MNIST, whose files have the same names.
    assert f"{DATA_VARIABLE} names its folder" in str(caught.value) and "delete" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_damaged_download_may_be_deleted(tmp_path, monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(data, "_downloads", lambda: tmp_path)
    for name in MNIST_FILES:
        (tmp_path / f"{name}.gz").write_bytes(b"not gzip")
    with pytest.raises(CaptwinError, match="delete it, and it is downloaded again"):
        load_dataset("mnist")


def test_names_of_ours_stand_for_their_content(mnist):
    for dataset in (mnist, load_dataset("digits")):
        data.check_known(dataset)
        images = dataset.test_images.copy()
        images[-1, -1] ^= 1
        with pytest.raises(CaptwinError, match=f"called {dataset.name}, but its images or labels are not those"):
            data.check_known(replace(dataset, test_images=images))
        data.check_known(replace(dataset, name="mine", test_images=images))


def test_no_files_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "MNIST_SOURCES", ("http://127.0.0.1:9/",))
    with pytest.raises(CaptwinError, match=r"is not to be had .* put the four .* into a folder") as caught:
        load_dataset("mnist")
    assert "\n" not in str(caught.value)


def test_a_file_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    packed = tmp_path / "train-images-idx3-ubyte.gz"
    squeeze = zlib.compressobj(9, wbits=31)
    block = bytes(1 << 24)
    packed.write_bytes(b"".join([*(squeeze.compress(block) for _ in range(64)), squeeze.flush()]))
    tracemalloc.start()
    with pytest.raises(CaptwinError, match=r"cannot unpack \(it holds more than 67,108,864 bytes\)"):
        data._idx("train-images-idx3-ubyte", packed)
    assert tracemalloc.get_traced_memory()[1] < 3 << 26
    tracemalloc.stop()
    with packed.open("wb") as file:
        file.truncate(60 << 30)
    with pytest.raises(CaptwinError, match="are more than any images of MNIST has"):
        data._idx("train-images-idx3-ubyte", packed)
