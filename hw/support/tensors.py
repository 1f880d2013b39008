"""Safetensors files from outside, taken apart: their metadata and their arrays."""

from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from captwin.hw.support.documents import DocumentError, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable

#: bytes of the longest header
HEADER_LIMIT = 1 << 22


class TensorFileError(CaptwinError):
    """Data is not a safetensors file; the message says why, without a file's name."""


def read_tensors(data: bytes) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the arrays of a safetensors file's content; :class:`TensorFileError` if it is not whole, names
    an array twice, or holds a type of number that NumPy has not."""
    length = int.from_bytes(data[:8], "little")
    if not 0 < length <= min(HEADER_LIMIT, len(data) - 8):
        raise TensorFileError("not a whole safetensors file (its header is longer than the file, or than any of ours)")
    try:
        header: Any = parse_json(data[8 : 8 + length])
        # The library checks shapes, types and offsets against the data.
        arrays = load(data)
    except (DocumentError, SafetensorError, ValueError, OverflowError, MemoryError) as error:
        raise TensorFileError(f"not a whole safetensors file ({_reason(error)})") from None
    except KeyError as error:
        raise TensorFileError(f"holds a type of number that is not read here ({printable(error.args[0])})") from None
    metadata = header.get("__metadata__") or {}
    return metadata, arrays


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, DocumentError) else printable(error, 150)
