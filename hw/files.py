"""Writing files so that nothing half-written is ever left behind."""

import os
import tempfile
from pathlib import Path

from hw.errors import CaptwinError


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes ``content`` to ``path`` through a temporary file beside it and a rename.

    Raises :class:`CaptwinError` when the folder is missing, not writable, or the disk is full; ``path`` is
    then as it was before.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise CaptwinError(
            f"{path}: cannot write: {error.strerror or error}; choose a writable place with room"
        ) from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def read_bytes(path: Path, what: str) -> bytes:
    """The content of ``path``; :class:`CaptwinError` naming ``what`` it should have been if that fails."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CaptwinError(f"{path}: cannot read {what}: {error.strerror or error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
