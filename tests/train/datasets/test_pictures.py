"""Pictures of any kind become the pixels that a chip takes, or one line that says why not."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from captwin.hw.support.errors import CaptwinError
from captwin.train.datasets import pictures
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.pictures import read_picture

DIGIT = load_dataset("digits").test_images[0].reshape(8, 8)


def drawing(mode: str = "L", ground: object = 255, ink: object = 0, size: tuple[int, int] = (60, 60)) -> Image.Image:
    """An upright bar, left of the middle."""
    image = Image.new(mode, size, ground)
    ImageDraw.Draw(image).rectangle((15, 10, 24, 49), fill=ink)
    return image


def shown(image: Image.Image, tmp_path, name: str = "p.png", **options: object) -> np.ndarray:
    image.save(tmp_path / name, **options)
    return read_picture(tmp_path / name, (12, 12)).pixels.reshape(12, 12)


def test_a_picture_of_the_right_size_keeps_every_pixel(tmp_path):
    for name in ("p.png", "p.bmp", "p.pgm", "p.gif"):
        Image.fromarray(DIGIT).save(tmp_path / name)
        picture = read_picture(tmp_path / name, (8, 8))
        assert np.array_equal(picture.pixels, DIGIT.ravel()) and picture.pixels.dtype == np.uint8
        assert (picture.size, picture.warnings) == ((8, 8), ())
    inverted = read_picture(tmp_path / "p.png", (8, 8), invert=True)
    assert np.array_equal(inverted.pixels, 255 - DIGIT.ravel()) and "leave --invert out" in inverted.warnings[0]


def test_shrinking_averages(tmp_path):
    seen = shown(drawing(), tmp_path)
    assert seen.min() == 0 and seen.max() == 255
    expected = np.full((12, 12), 255)
    expected[2:10, 3:5] = 0  # ten pixels of sixty are two of twelve
    assert np.array_equal(seen, expected)
    noise = np.random.default_rng(0).integers(0, 256, (60, 60))
    means = noise.reshape(12, 5, 12, 5).mean(axis=(1, 3))
    assert np.abs(shown(Image.fromarray(noise.astype(np.uint8)), tmp_path) - means).max() <= 1


def test_shapes_are_kept(tmp_path):
    wide = drawing(size=(120, 60))
    seen = shown(wide, tmp_path)
    assert (seen[:3] == 255).all() and (seen[-3:] == 255).all() and seen[3:9].min() < 128
    for size in ((1, 1), (5000, 1), (1, 5000), (3, 2)):
        image = Image.new("L", size, 90)
        assert (shown(image, tmp_path) == 90).all()


@pytest.mark.parametrize(
    ("mode", "ground", "ink"),
    [
        ("1", 1, 0),
        ("L", 255, 0),
        ("RGB", (255, 255, 255), (0, 0, 0)),
        ("P", 1, 0),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255, 255)),
        ("LA", (255, 255), (0, 255)),
        ("RGBA", (255, 255, 255, 255), (0, 0, 0, 255)),
        ("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),  # transparent behind dark strokes
        ("RGBA", (255, 255, 255, 0), (0, 0, 0, 255)),
        ("I;16", 65535, 0),
    ],
)
def test_modes(tmp_path, mode, ground, ink):
    image = drawing(mode, ground, ink)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 255, 255])
    if mode == "CMYK":
        seen = shown(image, tmp_path, "p.jpg", quality=100).astype(int)
    else:
        seen = shown(image, tmp_path).astype(int)
    assert np.abs(seen - shown(drawing(), tmp_path, "grey.png")).max() <= (3 if mode == "CMYK" else 0)


def test_bright_strokes_on_nothing(tmp_path):
    image = drawing("RGBA", (255, 255, 255, 0), (255, 255, 255, 255))
    assert np.array_equal(shown(image, tmp_path), 255 - shown(drawing(), tmp_path, "grey.png"))


def test_exif_turns_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    turned = shown(drawing(), tmp_path, exif=exif)
    assert np.array_equal(turned, np.rot90(shown(drawing(), tmp_path, "grey.png"), -1))


def test_hints(tmp_path):
    drawing().save(tmp_path / "p.png")
    assert "try --invert" in read_picture(tmp_path / "p.png", (12, 12)).warnings[0]
    assert read_picture(tmp_path / "p.png", (12, 12), invert=True).warnings == ()
    Image.new("L", (20, 20), 0).save(tmp_path / "p.png")
    assert "blank: every pixel is 0" in read_picture(tmp_path / "p.png", (12, 12)).warnings[0]


def encoded(kind: str) -> bytes:
    content = io.BytesIO()
    drawing("RGB", (255, 255, 255), (0, 0, 0)).save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "none of PNG, JPEG"),
        (b"no picture", "none of PNG, JPEG"),
        (encoded("PNG")[:90], "damaged or of a kind not known"),
        (encoded("JPEG")[:-200], "damaged or of a kind not known"),
        (encoded("TIFF"), "none of PNG, JPEG"),  # its decoder prints on stderr
        (encoded("EPS"), "none of PNG, JPEG"),  # its decoder would start Ghostscript
    ],
)
def test_no_pictures(tmp_path, content, message):
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(CaptwinError, match=message) as caught:
        read_picture(tmp_path / "p.png", (8, 8))
    assert "\n" not in str(caught.value) and "cannot read picture" in str(caught.value)


def test_bombs(tmp_path, monkeypatch):
    Image.new("1", (900, 900)).save(tmp_path / "p.png")
    monkeypatch.setattr(pictures, "PIXEL_LIMIT", 800_000)
    with pytest.raises(CaptwinError, match="more pixels than 800,000; make it smaller"):
        read_picture(tmp_path / "p.png", (8, 8))


def test_a_bomb_that_pillow_itself_refuses(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("1", (900, 900)).save(tmp_path / "p.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CaptwinError, match="more pixels than 50,000,000; make it smaller"):
            read_picture(tmp_path / "p.png", (8, 8))


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"]),
    harm=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.floats(0.2, 1),
)
def test_damaged_files(tmp_path_factory, kind, harm, length):
    content = bytearray(encoded(kind))
    for place, value in harm:
        content[int(place * len(content))] = value
    path = tmp_path_factory.getbasetemp() / "harmed"
    path.write_bytes(content[: int(length * len(content))])
    try:
        picture = read_picture(path, (8, 8))
    except CaptwinError as error:
        assert "\n" not in str(error)
    else:
        assert picture.pixels.shape == (64,) and picture.pixels.dtype == np.uint8
