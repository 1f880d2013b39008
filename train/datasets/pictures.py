"""Pictures of one's own as the pixels that a chip takes."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import printable

#: what is read: formats whose decoders start no other program and print nothing (libtiff prints)
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
#: bytes of the largest file, and pixels of the largest picture
FILE_LIMIT, PIXEL_LIMIT = 1 << 26, 50_000_000
#: median of the border above which a picture is taken for dark strokes on bright ground
BRIGHT = 127
METHOD = (
    "turned as its EXIF says, greys by luminance, transparent parts white behind dark strokes and black behind bright "
    "ones; scaled to fit, shape kept: averaged where it shrinks, bilinear where it grows; centred, padded with the "
    "median of its border"
)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as a chip sees it."""

    name: str  #: of its file
    size: tuple[int, int]  #: height and width of the file's picture
    pixels: np.ndarray  #: (height * width,) uint8 in raster order, as the chip takes them
    warnings: tuple[str, ...]  #: why the answer may be worth nothing


def read_picture(path: Path | str, image: tuple[int, int], *, invert: bool = False) -> Picture:
    """The picture in the file ``path`` for a chip of ``image`` (height, width); METHOD says how it gets that size.

    The data sets that come with Captwin are bright strokes, up to 255, on dark ground, 0; ``invert`` turns dark
    strokes on bright ground into that. A picture of just that size without colours keeps every pixel. Raises
    :class:`CaptwinError` if the file is no picture, is damaged, or is larger than FILE_LIMIT or PIXEL_LIMIT.
    """
    path = Path(path)
    data = read_bytes(path, "picture", FILE_LIMIT)
    try:
        # Decoders of foreign files raise whatever they like; that is always the file's fault.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                if opened.width * opened.height > PIXEL_LIMIT:
                    raise Image.DecompressionBombError
                opened.load()
                size = opened.height, opened.width
                grey = _grey(ImageOps.exif_transpose(opened))
    except Image.DecompressionBombError:
        raise CaptwinError(f"{path}: cannot read picture: more pixels than {PIXEL_LIMIT:,}; make it smaller") from None
    except Image.UnidentifiedImageError:
        raise CaptwinError(f"{path}: cannot read picture: none of {', '.join(FORMATS)}; save it as one") from None
    except Exception as error:
        reason = printable(str(error) or type(error).__name__)
        raise CaptwinError(f"{path}: cannot read picture: damaged or of a kind not known ({reason})") from None
    if invert:
        grey = ImageOps.invert(grey)
    pixels = np.asarray(_fitted(grey, image)).astype(np.uint8)
    return Picture(str(path), size, pixels.reshape(-1), tuple(_warnings(pixels, invert)))


def _grey(image: Image.Image) -> Image.Image:
    """In shades of grey, 0 to 255, nothing transparent."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("pixels of more than 16 bits")
        return Image.fromarray((values // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers")
    if not image.has_transparency_data:
        return image.convert("L") if image.mode in ("1", "L", "P", "RGB", "CMYK") else image.convert("RGB").convert("L")
    shades, opaque = (
        np.asarray(band).astype(np.float64)
        for band in (image.convert("RGBA").convert("RGB").convert("L"), _alpha(image))
    )
    mean = float((shades * opaque).sum() / opaque.sum()) if opaque.any() else 0.0
    ground = 255.0 if mean <= BRIGHT else 0.0
    blended = (shades * opaque + ground * (255 - opaque)) / 255
    return Image.fromarray(np.floor(blended + 0.5).astype(np.uint8))


def _alpha(image: Image.Image) -> Image.Image:
    return image.convert("RGBA").getchannel("A")


def _fitted(grey: Image.Image, shape: tuple[int, int]) -> Image.Image:
    height, width = shape
    if grey.size == (width, height):
        return grey
    scale = min(width / grey.width, height / grey.height)
    size = max(1, round(grey.width * scale)), max(1, round(grey.height * scale))
    ground = int(np.median(_border(np.asarray(grey))))
    scaled = grey.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    whole = Image.new("L", (width, height), ground)
    whole.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    return whole


def _border(pixels: np.ndarray) -> np.ndarray:
    """The outermost rows and columns."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _warnings(pixels: np.ndarray, inverted: bool) -> list[str]:
    if pixels.min() == pixels.max():
        return [f"the picture is blank: every pixel is {pixels.min()}"]
    if np.median(_border(pixels)) > BRIGHT:
        advice = "leave --invert out" if inverted else "try --invert"
        return [f"its border is bright; the data sets have bright strokes on dark ground: {advice}"]
    return []
