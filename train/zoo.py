"""The pre-trained chips that come with Captwin."""

from pathlib import Path

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable, visible
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.datasets.dataset import Dataset

CHIP_FOLDER = Path(__file__).parent / "chips"


def names() -> list[str]:
    """Names of the pre-trained chips."""
    return sorted(path.stem for path in CHIP_FOLDER.glob("*.safetensors"))


def load_chip(name_or_path: str | Path) -> Chip:
    """The pre-trained chip of that name, or the chip file at that path.

    >>> captwin.load_chip("digits-tiny").sizes
    (64, 10)
    """
    if str(name_or_path) in names():
        return Chip.load(CHIP_FOLDER / f"{name_or_path}.safetensors")
    if not Path(name_or_path).exists():
        raise CaptwinError(f"{name_or_path}: no such chip file; the chips with a name are {', '.join(names())}")
    return Chip.load(name_or_path)


def chip_name(name_or_path: str | Path) -> str:
    """What results of a chip are named after: ``gf180b`` for ``runs/gf180b/chip.safetensors``, ``other`` for
    ``other.safetensors``, and the name itself of a pre-trained chip."""
    path = Path(name_or_path)
    if str(name_or_path) in names() or not (path.stem == "chip" or path.stem.startswith("chip_")):
        return path.stem
    # Every run calls its chip so, and `captwin fabricate` numbers them; the folder's name is the run's.
    return f"{path.resolve().parent.name}{path.stem.removeprefix('chip')}" or path.stem


def chip_source(name_or_path: str | Path) -> Path | None:
    """The chip file at that path; None for a pre-trained chip, however it is named."""
    path = Path(name_or_path).resolve()
    return None if str(name_or_path) in names() or path.parent == CHIP_FOLDER.resolve() else path


def chip_data(chip: Chip) -> str:
    """Name of the data set that ``chip`` was trained on."""
    try:
        return str(chip.provenance["data"]["name"])
    except (KeyError, TypeError):
        raise CaptwinError("chip: does not say what data it was trained on; name a data set with --data") from None


def chip_dataset(chip: Chip, name: str | None = None) -> Dataset:
    """The data set called ``name``, by default the one that ``chip`` was trained on.

    Raises :class:`CaptwinError` if that is not to be had, or if the data set of that name has other images by now.
    """
    if name is not None:
        return load_dataset(name)
    name = chip_data(chip)
    dataset = load_dataset(name)
    stated = chip.provenance["data"].get("sha256")
    if stated is not None and stated != dataset.sha256:
        raise CaptwinError(
            f"chip: was trained on other data that is called {printable(name)} too (SHA-256 differs);"
            f" --data {dataset.name} takes ours all the same"
        )
    return dataset


def trained_on(chip: Chip, dataset: Dataset) -> bool | None:
    """Whether ``chip`` was trained on just this data; None if it does not tell."""
    data = chip.provenance.get("data")
    stated = data.get("sha256") if isinstance(data, dict) else None
    return None if stated is None else bool(stated == dataset.sha256)


def chip_warnings(chip: Chip) -> list[str]:
    """What training found wrong with ``chip``, a line each."""
    lines = chip.provenance.get("warnings")
    if not isinstance(lines, list):
        return []
    return [visible(str(line))[:200] for line in lines[:20]]
