"""A lot of fabricated chips: its files, its figures, its progress."""

import csv

import numpy as np
import pytest

from captwin.hw.chip import Chip
from captwin.sim.devices.fabricate import Process, fabricate
from captwin.sim.devices.lot import fabricate_lot
from captwin.sim.devices.memcapacitor import Effects, History
from tests.support.circuit_chips import circuit_chip


def test_a_lot_is_its_chips(tmp_path):
    chip, process = circuit_chip(1), Process(Effects(sigma_c=0.1))
    seen: list[tuple[int, int]] = []

    def accuracy(measured: Chip) -> float:
        return 0.5 if measured is chip else (measured.build_id & 3) / 4

    lot = fabricate_lot(
        chip,
        process,
        accuracy,
        tmp_path,
        count=4,
        seed=3,
        progress=lambda what, done, total: seen.append((done, total)),
    )
    assert seen == [(done, 4) for done in range(5)] and lot.nominal_accuracy == 0.5
    alone = [fabricate(chip, process, seed=3, number=number) for number in range(4)]
    assert [made.build_id for made in lot.chips] == [made.build_id for made in alone]
    assert [Chip.load(tmp_path / made.file).build_id for made in lot.chips] == [made.build_id for made in alone]
    assert lot.charge_bits == max(made.formats.charge_bits for made in alone)
    changes = [
        after.c_column / before.c_column - 1
        for made in alone
        for before, after in zip(chip.layers, made.layers, strict=True)
    ]
    assert lot.column_change == pytest.approx(np.sqrt(np.mean(np.concatenate(changes) ** 2)), rel=1e-5)
    accuracies = [accuracy(made) for made in alone]
    assert lot.accuracies.tolist() == accuracies and lot.accuracy_deviation == pytest.approx(np.std(accuracies, ddof=1))
    assert lot.yield_at(max(accuracies)) == accuracies.count(max(accuracies)) / 4
    rows = list(csv.DictReader(lot.to_csv().splitlines()))
    assert [int(row["build_id"], 16) for row in rows] == [made.build_id for made in alone]
    assert [float(row["accuracy"]) for row in rows] == accuracies


def test_a_single_chip_does_not_deviate(tmp_path):
    lot = fabricate_lot(circuit_chip(1), Process(), lambda chip: 0.75, tmp_path, count=1, seed=1)
    assert lot.accuracy_deviation == 0 and lot.yield_at(0.75) == 1


def test_a_process_tells_what_is_not_ideal():
    assert str(Process()) == "ideal"
    process = Process(Effects(sigma_c=0.05, drift=0.02, c_v1=0.01), History(seconds=100.0), 2e-3)
    assert str(process) == "sigma(C) 5 %, sigma(V_th) 2 mV, 2 % drift a decade, 100 s, C(V) 0.01 /V, 0 /V^2"
