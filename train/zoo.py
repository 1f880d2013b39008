"""The pre-trained chips that come with Captwin."""

from pathlib import Path

from hw.chip import Chip
from hw.support.errors import CaptwinError

CHIP_FOLDER = Path(__file__).parent / "chips"


def names() -> list[str]:
    """Names of the pre-trained chips."""
    return sorted(path.stem for path in CHIP_FOLDER.glob("*.safetensors"))


def load_chip(name_or_path: str | Path) -> Chip:
    """The pre-trained chip of that name, or the chip file at that path."""
    if str(name_or_path) in names():
        return Chip.load(CHIP_FOLDER / f"{name_or_path}.safetensors")
    if not Path(name_or_path).is_file():
        raise CaptwinError(f"{name_or_path}: no such chip file; the chips with a name are {', '.join(names())}")
    return Chip.load(name_or_path)


def chip_data(chip: Chip) -> str:
    """Name of the data set that ``chip`` was trained on."""
    try:
        return str(chip.provenance["data"]["name"])
    except (KeyError, TypeError):
        raise CaptwinError("chip: does not say what data it was trained on; name a data set with --data") from None
