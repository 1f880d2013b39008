"""The energy of an inference: against a reckoning one neuron at a time, and from hardware's counters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.hw.chip import Chip
from captwin.hw.encoders import ENCODERS
from captwin.hw.gates.options import CoreOptions
from captwin.hw.periphery import Driver, Periphery
from captwin.hw.support.errors import CaptwinError
from captwin.sim import energy, golden
from captwin.sim.encode import encode
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip
from tests.support.chips import random_chip, random_pixels


def with_energy(chip: Chip, seed: int = 0) -> Chip:
    """``chip`` with drawn energy surfaces where it has none."""
    rng = np.random.default_rng(seed)
    layers = (
        replace(layer, energy=rng.uniform(1e-13, 9e-13, (2, *layer.surfaces.shape[-2:])).astype(np.float32))
        for layer in chip.layers
    )
    return replace(chip, layers=tuple(layers))


def with_periphery(chip: Chip, seed: int = 0) -> Chip:
    """``chip`` with drawn drivers and references."""
    rng = np.random.default_rng(seed)

    def driver() -> Driver:
        return Driver(*(rng.uniform(0.5, 2.0, 4) * [1e-13, 1.0, 1e-9, 1e4]).tolist())

    groups = int(rng.integers(1, 4))
    periphery = Periphery(driver(), driver(), int(rng.integers(1, 9)), 2e-14, groups, *rng.uniform(0, 1e-5, 2).tolist())
    row_wires = tuple(rng.uniform(1e-16, 1e-15, len(chip.layers)).tolist())
    return replace(chip, analog=replace(chip.analog, periphery=periphery, row_wires=row_wires))


def slow_clock(chip: Chip) -> tuple[float, float, float]:
    """J of wires and drivers, and W of leakage, of the clocks of a whole chip in one step: line by line, driver by
    driver, as docs/energy.md says."""
    analog, around = chip.analog, chip.analog.periphery
    assert around is not None
    neurons, wires, drivers, leaks = sum(chip.sizes[1:]), 0.0, 0.0, 0.0
    for _ in range(around.clock_lines):
        wire = analog.clock_wire / around.clock_lines
        loads = []
        for first in range(0, neurons, around.neurons_a_driver):
            group = min(around.neurons_a_driver, neurons - first)
            loads.append(group * (wire + around.clock_gates / around.clock_lines))
            wires += group * wire
        nodes = len(loads)
        while nodes > 1:  # a level of the tree
            wires += neurons * wire / 2
            loads.append(neurons * wire / 2)  # the drivers of a level have its wires together
            nodes = (nodes + 1) // 2
        alone = 2 * -(-neurons // around.neurons_a_driver) - 1
        drivers += alone * around.clock_driver.swing + sum(load * around.clock_driver.swing_per_farad for load in loads)
        leaks += alone * around.clock_driver.leakage + sum(
            load * around.clock_driver.leakage_per_farad for load in loads
        )
    return wires * analog.supply**2, drivers, leaks


def slow_energy(chip: Chip, pixels: np.ndarray) -> np.ndarray:
    """(layers, parts) J of one image, (pixels,), one event, one neuron, one step at a time, as docs/energy.md says."""
    traces = golden.run(chip, pixels[None], trace=True).traces
    analog, fv, fu = chip.analog, chip.formats.membrane_fraction, chip.formats.drive_fraction
    around, supply, neurons = chip.analog.periphery, chip.analog.supply, sum(chip.sizes[1:])
    found: list[dict[str, float]] = []
    for n, layer in enumerate(chip.layers):
        joules = dict.fromkeys(energy.PARTS, 0.0)
        found.append(joules)
        surface, row_wire = layer.energy.astype(float), (analog.row_wires or [analog.row_wire] * len(chip.layers))[n]
        bias = sum(float(c) for c in layer.c_bias.ravel()) + 2 * row_wire * layer.columns
        loads = [
            sum(float(c) for c in (*layer.c_plus[row], *layer.c_minus[row])) + 2 * row_wire * layer.columns
            for row in range(layer.rows)
        ]

        def drive(load: float) -> float:
            return load * supply**2 / 3 if around is None else around.row_driver.energy(load)

        v, b = [layer.rest] * layer.columns, [0] * layer.columns
        for step in range(chip.encoder.steps):
            arrived = traces[n - 1].spikes[0, step] if n else chip.encoder.spikes(pixels, step)
            for row in np.flatnonzero(arrived):
                joules["rows"] += supply * analog.v_read * loads[row]
                joules["row_drivers"] += drive(loads[row])
            joules["bias_rows"] += supply * analog.v_read * bias
            joules["row_drivers"] += drive(bias)
            if around is not None:
                share, (wires, drivers, leaks) = layer.columns / neurons, slow_clock(chip)
                joules["clock"] += share * wires
                joules["clock_drivers"] += share * drivers
                joules["references"] += share * 10e-9 * supply * (around.bias_current + around.regulator_current)
                leaks = share * leaks + sum(around.row_driver.power(load) for load in [*loads, bias])
                joules["leakage"] += 10e-9 * leaks
            for j in range(layer.columns):
                u = int(traces[n].drives[0, step, j])
                volts = layer.scale.u_min + u * (layer.scale.u_max - layer.scale.u_min) / 2**chip.formats.drive_bits
                lower = sum(float(c) for c in layer.c_minus[:, j]) + float(layer.c_bias[1, j])
                joules["quiet_rows"] += supply * abs(volts) * lower
                i, m = v[j] >> fv, u >> fu
                x, y = v[j] / (1 << fv) - i, u / (1 << fu) - m
                corners = surface[b[j], i : i + 2, m : m + 2]
                joules["neurons"] += np.array([1 - x, x]) @ corners @ np.array([1 - y, y])
                if around is None:
                    wire = analog.clock_wire * supply**2
                    joules["clock"] += wire
                    joules["clock_drivers"] += (wire + surface.min()) / 3
                v[j], b[j] = int(traces[n].membranes[0, step, j]), int(traces[n].spikes[0, step, j])
    return np.array([[joules[part] for part in energy.PARTS] for joules in found])


@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("seed", range(40, 46))
def test_every_term_adds_up(seed: int, measured: bool) -> None:
    chip = with_energy(random_chip(seed, kind=list(ENCODERS)[seed % len(ENCODERS)]))
    if measured:
        chip = with_periphery(chip, seed)
    pixels = random_pixels(seed, chip, 3)
    report = energy.measure(chip, pixels, batch=2)
    for image in range(3):
        np.testing.assert_allclose(report.joules[image], slow_energy(chip, pixels[image]), rtol=1e-9)
    np.testing.assert_allclose(report.total, report.joules.reshape(3, -1).sum(axis=1))
    events = [int(encode(chip.encoder, pixels).sum())]
    events += [int(trace.spikes.sum()) for trace in golden.run(chip, pixels, trace=True).traces[:-1]]
    np.testing.assert_array_equal(report.events.sum(axis=0), events)
    assert report.synaptic_events == sum(n * layer.columns for n, layer in zip(events, chip.layers, strict=True))


def test_silent_rows_cost_nothing() -> None:
    chip = with_energy(random_chip(3, kind="rate"))
    report = energy.measure(chip, np.zeros((1, chip.pixels), np.uint8))
    drawn = dict(zip(energy.PARTS, report.joules[0, 0], strict=True))
    assert drawn.pop("rows") == drawn.pop("references") == drawn.pop("leakage") == 0 and min(drawn.values()) > 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(0, 2**32))
def test_neuron_energy_lies_between_its_knots(seed: int, draw: int) -> None:
    chip = with_energy(random_chip(seed))
    layer, formats = chip.layers[0], chip.formats
    rng = np.random.default_rng(draw)
    v, u = rng.integers(0, formats.membrane_max + 1, 200), rng.integers(0, formats.drive_max + 1, 200)
    b = rng.integers(0, 2, 200)
    found = energy.neuron_energy(layer, formats, v, b, u)
    i, m = v >> formats.membrane_fraction, u >> formats.drive_fraction
    corners = np.stack([layer.energy[b, i + p, m + q] for p in (0, 1) for q in (0, 1)])
    slack = 1e-20
    assert (found >= corners.min(axis=0) - slack).all() and (found <= corners.max(axis=0) + slack).all()
    v, u = v >> formats.membrane_fraction << formats.membrane_fraction, u >> formats.drive_fraction
    at_knots = energy.neuron_energy(layer, formats, v, b, u << formats.drive_fraction)
    np.testing.assert_allclose(at_knots, layer.energy[b, i, u], rtol=1e-12)


def test_without_a_surface_there_is_no_energy() -> None:
    chip = load_chip("digits")
    mute = replace(chip, layers=(chip.layers[0], replace(chip.layers[1], energy=None)))
    with pytest.raises(energy.EnergyError, match=r"layers\.1\.energy: charge_share has no energy surface"):
        energy.measure(mute, np.zeros((1, 64), np.uint8))


def test_counters_of_other_images_tell_nearly_the_same() -> None:
    chip, images = with_periphery(load_chip("digits")), load_dataset("digits").test_images
    known, fresh = energy.measure(chip, images[:180]), energy.measure(chip, images[180:])
    counters = {f"events[{n}]": int(count) for n, count in enumerate(fresh.events.sum(axis=0))}
    estimate, exact = energy.estimate(chip, known, counters, 180, CoreOptions()), fresh.mean
    assert estimate.sum() == pytest.approx(exact.sum(), rel=0.005)
    # Each part is off by no more than four times what two means of so many images differ by chance.
    chance = np.sqrt((known.joules.var(axis=0) + fresh.joules.var(axis=0)) / 180)
    varying = [energy.PARTS.index(part) for part in ("rows", "quiet_rows", "row_drivers", "neurons")]
    steady = [place for place in range(len(energy.PARTS)) if place not in varying]
    assert (np.abs(estimate - exact) <= 4 * chance)[:, varying].all()
    np.testing.assert_allclose(estimate[:, steady], exact[:, steady], rtol=1e-12)
    # Of the very images that were measured, counters tell all.
    counters = {f"events[{n}]": int(count) for n, count in enumerate(known.events.sum(axis=0))}
    np.testing.assert_allclose(energy.estimate(chip, known, counters, 180, CoreOptions()), known.mean, rtol=1e-12)


def test_an_estimate_of_rows_that_were_silent_before() -> None:
    chip = with_energy(random_chip(3, kind="rate"))
    silent = energy.measure(chip, np.zeros((1, chip.pixels), np.uint8))
    counters = {f"events[{n}]": 5 for n in range(len(chip.layers))}
    estimate, before = energy.estimate(chip, silent, counters, 1, CoreOptions())[0], silent.mean[0]
    events = sum(estimate[place] - before[place] for place in map(energy.PARTS.index, ("rows", "row_drivers")))
    assert events == pytest.approx(5 * energy.row_energies(chip.layers[0], chip.analog).mean())


@pytest.mark.parametrize(
    ("counters", "images", "options", "message"),
    [
        ({"events[0]": 1}, 1, CoreOptions(), r"lack events\[1\]"),
        ({"events[0]": 1, "events[1]": 1}, 0, CoreOptions(), "have no mean"),
        ({"events[0]": 1, "events[1]": 1}, 1, CoreOptions(change_events=True), "with change events"),
    ],
)
def test_bad_counters(counters: dict[str, int], images: int, options: CoreOptions, message: str) -> None:
    chip = load_chip("digits")
    measured = energy.measure(chip, load_dataset("digits").test_images[:2])
    with pytest.raises(CaptwinError, match=message):
        energy.estimate(chip, measured, counters, images, options)


def test_rows_that_swing_by_more_than_the_supply_have_one_of_their_own():
    analog = load_chip("digits").analog
    lower, higher = (replace(analog, v_read=analog.supply * share) for share in (0.5, 2.0))
    assert energy.line_energy(1.0, lower) == pytest.approx(analog.supply**2 / 2)
    assert energy.line_energy(1.0, higher) == pytest.approx((2 * analog.supply) ** 2)
