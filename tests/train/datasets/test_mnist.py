import gzip
import tracemalloc
import zlib

import pytest

from captwin.hw.support.errors import CaptwinError
from captwin.train.datasets import mnist as module
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.mnist import DATA_VARIABLE, MNIST_FILES


def test_mnist(mnist):
    assert mnist.train_images.shape == (60000, 784) and mnist.test_images.shape == (10000, 784)
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.image == (28, 28)


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
    monkeypatch.setattr(module, "_downloads", lambda: tmp_path)
    for name in MNIST_FILES:
        (tmp_path / f"{name}.gz").write_bytes(b"not gzip")
    with pytest.raises(CaptwinError, match="delete it, and it is downloaded again"):
        load_dataset("mnist")


def test_no_files_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "MNIST_SOURCES", ("http://127.0.0.1:9/",))
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
        module._idx("train-images-idx3-ubyte", packed)
    assert tracemalloc.get_traced_memory()[1] < 3 << 26
    tracemalloc.stop()
    with packed.open("wb") as file:
        file.truncate(60 << 30)
    with pytest.raises(CaptwinError, match="are more than any images of MNIST has"):
        module._idx("train-images-idx3-ubyte", packed)
