"""Thousands of hostile files: each is refused in one line, or is as good as any other."""

import json
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captwin.boards.catalogue import find_board
from captwin.boards.flow.built import read_built
from captwin.hw.chip import Chip, Formats
from captwin.hw.support.errors import CaptwinError
from captwin.sim import golden
from captwin.sim.mismatch.model import Mismatch
from captwin.sim.neurons.circuits import TABLES
from captwin.sim.neurons.quantise import quantise
from captwin.sim.neurons.table import NeuronTable
from captwin.sim.periphery.circuit_file import CircuitPeriphery, periphery_file
from captwin.train.config import CONFIG_FOLDER, load_config
from captwin.train.zoo import CHIP_FOLDER
from tests.boards.flow.test_built import whole_build
from tests.support.chips import random_chip, random_pixels
from tests.support.hostile import chip_files, json_files, toml_files
from tests.support.mismatch import drawn_mismatch
from tests.support.tables import small_table

#: processor seconds and bytes that one file may cost
SECONDS, BYTES = 5.0, 1 << 30
BOARD = find_board("icebreaker")
CHIP = random_chip(11, sizes=(6, 3))


def use_chip(path: Path) -> None:
    chip = Chip.load(path)
    assert golden.run(chip, random_pixels(1, chip, 2)).labels.shape == (2,)
    chip.save(path)
    assert Chip.load(path).build_id == chip.build_id


def use_table(path: Path) -> None:
    table = NeuronTable.load(path)
    quantise(table, Formats())
    table.save(path)
    assert NeuronTable.load(path).circuit_sha256 == table.circuit_sha256


def use_periphery(path: Path) -> None:
    CircuitPeriphery.load(path).save(path)
    CircuitPeriphery.load(path)


def use_mismatch(path: Path) -> None:
    model = Mismatch.load(path)
    assert np.isfinite(model.draw_thresholds(3, np.random.default_rng(1))).all()
    model.save(path)
    assert Mismatch.load(path).sha256 == model.sha256


def use_config(path: Path) -> None:
    config = load_config(path)
    json.dumps(config.model_dump(mode="json"), allow_nan=False)


def use_manifest(path: Path) -> None:
    built = read_built(path.parent, BOARD, CHIP)
    assert built.manifest.clock_hz > 0


def use_report(path: Path) -> None:
    assert read_built(path.parent, BOARD, CHIP).slowest_path()


def chip_contents(folder: Path) -> list[bytes]:
    random_chip(7, sizes=(12, 5, 3)).save(folder / "small.safetensors")
    return [(folder / "small.safetensors").read_bytes(), (CHIP_FOLDER / "digits-tiny.safetensors").read_bytes()]


def table_contents(folder: Path) -> list[bytes]:
    small_table().save(folder / "table.json")
    return [(folder / "table.json").read_bytes()]


def periphery_contents(folder: Path) -> list[bytes]:
    return [periphery_file(TABLES.folder / "gf180_charge_share.json").read_bytes()]


def mismatch_contents(folder: Path) -> list[bytes]:
    drawn_mismatch("mine").save(folder / "mismatch.json")
    return [(folder / "mismatch.json").read_bytes()]


def build_contents(name: str) -> Callable[[Path], list[bytes]]:
    def read(folder: Path) -> list[bytes]:
        whole_build(folder, CHIP)
        return [(folder / name).read_bytes()]

    return read


#: name of a file -> whole contents, strategy of hostile ones, what a file is used for
FORMATS = {
    "chip.safetensors": (chip_contents, chip_files, use_chip),
    "table.json": (table_contents, json_files, use_table),
    "periphery.json": (periphery_contents, json_files, use_periphery),
    "mismatch.json": (mismatch_contents, json_files, use_mismatch),
    "config.toml": (lambda folder: [path.read_bytes() for path in CONFIG_FOLDER.glob("*")], toml_files, use_config),
    "manifest.json": (build_contents("manifest.json"), json_files, use_manifest),
    "report.json": (build_contents("report.json"), json_files, use_report),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a file in it; nothing else may have changed there in the end."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    whole_build(work, CHIP)
    before = {path.name: path.stat().st_size for path in work.iterdir()}
    yield work
    after = {path.name: path.stat().st_size for path in work.iterdir()}
    assert {name: size for name, size in after.items() if name not in FORMATS} == {
        name: size for name, size in before.items() if name not in FORMATS
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sources", "work"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("files", [60, pytest.param(2200, marks=pytest.mark.proof)])
def test_hostile_files(name: str, files: int, place: Path, tmp_path: Path) -> None:
    contents, hostile, use = FORMATS[name]
    (tmp_path / "sources").mkdir()
    whole = contents(tmp_path / "sources")
    for content in whole:
        (place / name).write_bytes(content)
        use(place / name)
    taken = refused = 0

    @settings(max_examples=files, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(whole).flatmap(hostile))
    def attack(content: bytes) -> None:
        nonlocal taken, refused
        (place / name).unlink(missing_ok=True)
        (place / name).write_bytes(content)
        start = process_time()
        try:
            use(place / name)
            taken += 1
        except CaptwinError as error:
            refused += 1
            line = str(error)
            assert line.isprintable() and len(line) < 1000, line
        assert process_time() - start < SECONDS

    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attack()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) * 1024 < BYTES
    assert taken + refused >= files and refused > files // 4, (taken, refused)
    assert not os.path.lexists("pwned")
