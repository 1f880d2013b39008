"""The chip file: what goes in comes out, and nothing else is let in."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from captwin.hw.chip import Chip, ChipError, Formats, Scale
from captwin.hw.encoders import make_encoder
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import write_atomically
from tests.support.chips import random_chip


@pytest.fixture
def chip() -> Chip:
    return random_chip(7, sizes=(12, 5, 3))


@pytest.fixture
def chip_file(chip: Chip, tmp_path: Path) -> Path:
    chip.save(tmp_path / "chip.safetensors")
    return tmp_path / "chip.safetensors"


@pytest.mark.parametrize("seed", range(20))
def test_round_trip(seed: int, tmp_path: Path) -> None:
    chip = random_chip(seed)
    chip.save(tmp_path / "a.safetensors")
    back = Chip.load(tmp_path / "a.safetensors")
    back.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert back.build_id == chip.build_id
    assert (back.formats, back.encoder, back.readout, back.image) == (
        chip.formats,
        chip.encoder,
        chip.readout,
        chip.image,
    )
    for ours, theirs in zip(chip.layers, back.layers, strict=True):
        for (name, _, a), (_, _, b) in zip(ours.arrays(), theirs.arrays(), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_build_id_is_of_the_gates_alone(chip: Chip) -> None:
    first = chip.layers[0]
    charges = first.charges.copy()
    charges[3, 2] ^= 1
    changed = {
        "charges": replace(chip, layers=(replace(first, charges=charges), chip.layers[1])),
        "readout": replace(chip, readout="first_spike" if chip.readout == "most_spikes" else "most_spikes"),
        "encoder": replace(chip, encoder=replace(chip.encoder, steps=chip.encoder.steps ^ 1 or 2)),
        "rest": replace(chip, layers=(replace(first, rest=first.rest ^ 1), chip.layers[1])),
    }
    ids = {name: other.build_id for name, other in changed.items()}
    assert len({chip.build_id, *ids.values()}) == 5, ids
    same = {
        "provenance": replace(chip, provenance={"seed": 99}),
        "capacitances": replace(chip, layers=(replace(first, c_plus=first.c_plus * 2), chip.layers[1])),
        "scale": replace(
            chip, layers=(replace(first, scale=Scale(v_min=0, v_max=2, u_min=-1, u_max=1)), chip.layers[1])
        ),
    }
    assert {name: other.build_id for name, other in same.items()} == dict.fromkeys(same, chip.build_id)


def test_arrays_cannot_be_changed_in_place(chip: Chip) -> None:
    with pytest.raises(ValueError, match="read-only"):
        chip.layers[0].charges[0, 0] = 1


def damaged(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> None:
    """Rewrites a chip file with a changed manifest or changed arrays, every hash left as it was."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    manifest = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["captwin"])
    tensors = {name: array.copy() for name, array in load(data).items()}
    change(manifest, tensors)
    path.write_bytes(save(tensors, {"captwin": json.dumps(manifest)}))


def set_version(manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    manifest["version"] = 99


def set_format(manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    manifest["format"] = "something-else"


def set_steps(manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    manifest["gates"]["encoder"]["steps"] += 1


def set_weight(manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    tensors["layers.0.charges"][0, 0] ^= 1


def drop_tensor(manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    del tensors["layers.1.gains"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_version, r"manifest\.version: this captwin reads version 2, the file has 99"),
        (set_format, r"manifest\.format: .* not a chip file"),
        (set_steps, "manifest: content does not match its SHA-256"),
        (set_weight, r"layers\.0\.charges: content does not match its SHA-256"),
        (drop_tensor, r"layers\.1\.gains: missing from the file"),
    ],
)
def test_damaged_file_is_refused_in_one_line(chip_file: Path, change: Any, message: str) -> None:
    damaged(chip_file, change)
    with pytest.raises(ChipError, match=message) as caught:
        Chip.load(chip_file)
    assert str(chip_file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 5, 100, 2000, -1])
def test_truncated_file(chip_file: Path, keep: int) -> None:
    chip_file.write_bytes(chip_file.read_bytes()[:keep])
    with pytest.raises(ChipError, match="not a whole safetensors file"):
        Chip.load(chip_file)


def test_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "weights").write_bytes(save({"a": np.zeros(3)}))
    for name, message in (("text", "not a whole safetensors"), ("weights", "no captwin manifest"), ("none", "No such")):
        with pytest.raises(CaptwinError, match=message):
            Chip.load(tmp_path / name)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("charges", lambda a: a.astype(np.int32), r"layers\.0\.charges: expected dtype int16, got int32"),
        ("charges", lambda a: a[:, :4], r"layers\.0\.gains: expected shape \(4,\), got \(5,\)"),
        ("charges", lambda a: a[:11], r"layers\.0\.c_plus: expected shape \(11, 5\)"),
        ("charges", lambda a: a + np.int16(2000), r"layers\.0\.charges: values must lie in"),
        ("surfaces", lambda a: a[0], r"layers\.0\.surfaces: expected shape"),
        ("c_plus", lambda a: a * np.float32("nan"), r"layers\.0\.c_plus: holds NaN"),
        ("c_column", lambda a: -a - 1, r"layers\.0\.c_column: values must lie in 1e-18 to 1e-06"),
        ("c_column", lambda a: 0 * a, r"layers\.0\.c_column: values must lie in 1e-18 to 1e-06, found 0.0"),
        ("offsets", lambda a: a + (1 << 60), r"layers\.0\.offsets: values must lie in"),
        ("shift", lambda k: 40, "less than or equal to 31"),
        ("rest", lambda v: 1 << 20, r"layers\.0\.rest: must be at most"),
    ],
)
def test_bad_field_is_named(chip: Chip, field: str, value: Callable[[Any], Any], message: str) -> None:
    first = chip.layers[0]
    with pytest.raises(ValueError if field == "shift" else ChipError, match=message):
        replace(chip, layers=(replace(first, **{field: value(getattr(first, field))}), chip.layers[1]))


@pytest.mark.parametrize("by_outcome", [False, True])
def test_two_surfaces_or_four(by_outcome: bool, tmp_path: Path) -> None:
    chip = random_chip(7, sizes=(12, 5, 3), by_outcome=by_outcome)
    chip.save(tmp_path / "chip.safetensors")
    assert Chip.load(tmp_path / "chip.safetensors").by_outcome == by_outcome
    other = random_chip(7, sizes=(12, 5, 3), by_outcome=not by_outcome)
    with pytest.raises(ChipError, match=r"layers\.1\.surfaces: four surfaces in one layer and two in another"):
        replace(chip, layers=(chip.layers[0], other.layers[1]))
    three = np.zeros((3, *chip.layers[0].surfaces.shape[1:]), np.uint16)
    with pytest.raises(ChipError, match=r"layers\.0\.surfaces: expected shape"):
        replace(chip, layers=(replace(chip.layers[0], surfaces=three), chip.layers[1]))


def test_build_id_tells_four_surfaces_from_two() -> None:
    chip = random_chip(7, sizes=(12, 5), by_outcome=False)
    layer = chip.layers[0]
    doubled = replace(layer, surfaces=np.stack([layer.surfaces, layer.surfaces], axis=1))
    assert replace(chip, layers=(doubled,)).build_id != chip.build_id


def test_layers_must_fit_each_other(chip: Chip) -> None:
    with pytest.raises(ChipError, match=r"layers\.0\.charges: 5 rows, but 12 inputs"):
        replace(chip, layers=chip.layers[1:])
    with pytest.raises(ChipError, match="at least one layer"):
        replace(chip, layers=())


def test_scalars_are_checked() -> None:
    for make in (
        lambda: Formats(charge_bits=11),
        lambda: Formats(drive_bits=10, drive_fraction=1),
        lambda: make_encoder(steps=0),
        lambda: make_encoder(kind="morse"),
        lambda: Scale(v_min=1, v_max=1, u_min=0, u_max=1),
        lambda: Scale(v_min=0, v_max=5e-324, u_min=0, u_max=1),
        lambda: Scale(v_min=0, v_max=1, u_min=-1e308, u_max=1e308),
    ):
        with pytest.raises(ValueError, match="1 validation error"):
            make()


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "file", "before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(CaptwinError, match="cannot write: No space left on device"):
        write_atomically(tmp_path / "file", "after")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "before"


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CaptwinError, match="cannot write"):
        write_atomically(tmp_path / "file" / "below", "text")
