"""Chip files that somebody wrote to do harm."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captwin.hw.chip import Chip, ChipError
from tests.support.chips import random_chip
from tests.support.hostile import HOSTILE_TEXTS, chip_file, nested, parts

TEXTS = [("analog", "circuit"), ("analog", "corner"), ("analog", "table_sha256"), ("gates", "readout")]


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    random_chip(7, sizes=(12, 5, 3)).save(tmp_path / "whole.safetensors")
    return (tmp_path / "whole.safetensors").read_bytes()


def refused(path: Path, content: bytes) -> str:
    """The one line in which the file is refused."""
    path.write_bytes(content)
    with pytest.raises(ChipError) as caught:
        Chip.load(path)
    line = str(caught.value)
    assert line.isprintable() and len(line) < 500 and line.startswith(str(path))
    return line


@pytest.mark.parametrize("field", TEXTS, ids=".".join)
@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: repr(text[:12]))
def test_texts_of_a_file_are_plain_names(field: tuple[str, str], text: str, whole: bytes, tmp_path: Path) -> None:
    manifest, arrays = parts(whole)
    manifest[field[0]][field[1]] = text
    line = refused(tmp_path / "evil.safetensors", chip_file(manifest, arrays))
    assert field[1] in line or "surrogate" in line


@pytest.mark.parametrize("text", [text for text in HOSTILE_TEXTS if not text.isprintable()], ids=lambda t: repr(t[:12]))
@pytest.mark.parametrize("field", ["format", "version", "extra", "tensor", "provenance", "provenance key", "array"])
def test_control_characters_never_reach_a_terminal(field: str, text: str, whole: bytes, tmp_path: Path) -> None:
    manifest, arrays = parts(whole)
    match field:
        case "extra":
            manifest["analog"][text] = 1
        case "tensor":
            manifest["tensors"][text] = "0" * 64
        case "provenance":
            manifest["provenance"]["data"] = {"name": text}
        case "provenance key":
            manifest["provenance"][text] = 1
        case "array":
            if "\ud800" in text:
                return  # no JSON header holds it
            arrays[text] = np.zeros(1)
        case _:
            manifest[field] = text
    refused(tmp_path / "evil.safetensors", chip_file(manifest, arrays))


@pytest.mark.parametrize(
    "value",
    [10**400, 10**5000, 1e308, -1.0, 0.0, float("nan"), float("inf"), "1.8", True, None, [1.8], nested(70), {}],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:8] if value not in (10**5000,) else 'long'}",
)
@pytest.mark.parametrize("field", ["supply", "v_read", "c_membrane"])
def test_numbers_lie_in_plausible_ranges(field: str, value: Any, whole: bytes, tmp_path: Path) -> None:
    manifest, arrays = parts(whole)
    manifest["analog"][field] = value
    refused(tmp_path / "evil.safetensors", chip_file(manifest, arrays))


@pytest.mark.parametrize(
    ("provenance", "reason"),
    [
        ({"a": nested(9)}, "nested deeper than 8"),
        ({"a": nested(500)}, "nested deeper than 64"),
        ({"a": "b" * 1001}, "at most 1,000 characters"),
        ({str(n): "c" * 900 for n in range(80)}, "bytes of JSON"),
        (3, "provenance: Input should be"),
        ([], "provenance: Input should be"),
    ],
    ids=["deep", "very deep", "long", "large", "number", "list"],
)
def test_provenance_is_bounded(provenance: Any, reason: str, whole: bytes, tmp_path: Path) -> None:
    manifest, arrays = parts(whole)
    manifest["provenance"] = provenance
    assert reason in refused(tmp_path / "evil.safetensors", chip_file(manifest, arrays))
    if isinstance(provenance, dict):
        with pytest.raises(ChipError, match="provenance"):
            replace(random_chip(7, sizes=(12, 5, 3)), provenance=provenance)


@pytest.mark.parametrize("name", ["header", "manifest"])
def test_a_field_that_stands_twice_is_refused(name: str, whole: bytes, tmp_path: Path) -> None:
    length = int.from_bytes(whole[:8], "little")
    header = whole[8 : 8 + length].decode()
    if name == "header":
        entry = header[header.index('"layers.0.charges"') :].split("}", 1)[0] + "},"
        header = header.replace('"layers.0.charges"', entry + '"layers.0.charges"', 1)
    else:
        header = header.replace('\\"analog\\":', '\\"readout\\":1,\\"readout\\":2,\\"analog\\":')
    content = len(header.encode()).to_bytes(8, "little") + header.encode() + whole[8 + length :]
    assert "stands twice" in refused(tmp_path / "evil.safetensors", content)


def test_shipped_chips_load_and_save_unchanged(tmp_path: Path) -> None:
    from captwin.train.zoo import CHIP_FOLDER

    for path in sorted(CHIP_FOLDER.glob("*.safetensors")):
        Chip.load(path).save(tmp_path / "again.safetensors")
        assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes(), path.name
        assert json.dumps(Chip.load(path).provenance) == json.dumps(parts(path.read_bytes())[0]["provenance"])
