"""What chips of a circuit differ in as a whole, measured: chips drawn by the foundry's statistics, reduced to modes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from captwin.hw.support.documents import first_fault
from captwin.hw.support.progress import Progress, silent
from captwin.sim.mismatch.chips import SampledChip, bias_chip, sampled_chips
from captwin.sim.mismatch.model import NUMBERS
from captwin.sim.mismatch.reduce import neuron_numbers, threshold_deviation
from captwin.sim.mismatch.shared import LEAST_CHIPS, MOST_MODES, Cause, Shared
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.place import cards_digest, place_of
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.ngspice import SpiceError

#: the fewest modes are taken that keep this share of the variance, of threshold curves and of surfaces
KEPT = 0.98
#: V by which a bias circuit must deviate to be a cause: it is known to 10 uV
LEAST_BIAS = 1e-4
#: decimals of a volt that are kept
_DECIMALS = 6
_TINY = np.finfo(float).tiny


def measure_shared(
    bench: Bench, chips: int, seed: int, *, cache: Path | None = None, progress: Progress = silent
) -> Shared:
    """Samples ``chips`` chips of ``bench`` for each cause, measures the neuron of each, and reduces them.

    Equal arguments give equal results. Cycles are kept in the folder ``cache``, so an interrupted run goes on where it
    stopped; ``progress`` is called with how many chips are done. Raises :class:`CaptwinError` if the circuit's
    devices have no statistics, if cycles do not converge, or if hardly a chip has a threshold.
    """
    if bench.parameters["u_min"] >= 0:  # where a silent neuron's gain is measured
        raise SpiceError(f"{bench.path}: u_min: chips are measured with drives below 0 V as well; lower it")
    process = list(sampled_chips(bench, "process", chips, seed, cache=cache, progress=progress))
    typical, bias = SampledChip.of(bench, cache), []
    if _bias_deviates(bench, seed):
        bias = list(sampled_chips(bench, "bias", chips, seed, cache=cache, progress=progress))
    pdk, table = find_pdk(bench.models), typical.table
    try:
        return Shared(
            circuit=bench.circuit,
            pdk=pdk.name,
            temperature=bench.conditions.temperature,
            seed=seed,
            source_sha256=bench.sha256,
            cards_sha256=cards_digest(pdk, place_of(pdk)),
            x=_rounded(table.v),
            u=_rounded(table.u),
            process=reduced(typical, process),
            bias=reduced(typical, bias) if bias else None,
        )
    except ValidationError as error:
        raise SpiceError(
            f"{bench.circuit}: its sampled chips do not spread as chips do: {': '.join(first_fault(error))}; look at"
            " its netlist"
        ) from None


def reduced(typical: SampledChip, sampled: Sequence[SampledChip]) -> Cause:
    """The mean deviation of ``sampled`` chips and the modes about it, by singular values: threshold curves count as
    much as surfaces, whatever their volts. Raises :class:`SpiceError` if hardly a chip has a threshold."""
    found = [
        (chip, numbers, curves)
        for chip in sampled
        if (numbers := neuron_numbers(typical.table, chip.table)) is not None
        and (curves := threshold_deviation(typical.table, chip.table)) is not None
    ]
    if len(found) < LEAST_CHIPS:
        raise SpiceError(
            f"{typical.table.circuit}: of {len(sampled)} sampled chips {len(found)} have a threshold within their"
            f" range; sample more, at least {LEAST_CHIPS} are needed"
        )
    curves = np.stack([each for *_, each in found]).reshape(len(found), -1)
    surfaces = np.stack([chip.table.surfaces - typical.table.surfaces for chip, *_ in found]).reshape(len(found), -1)
    offsets = np.array([numbers[list(NUMBERS).index("threshold")] for _, numbers, _ in found])
    modes, left = _modes(curves, surfaces)
    return Cause(
        lost=len(sampled) - len(found),
        thresholds_kept=_kept(left[0], curves),
        surfaces_kept=_kept(left[1], surfaces),
        offset_kept=_kept(curves - offsets[:, None], curves),
        mean=_rounded(np.concatenate([curves, surfaces], axis=1).mean(axis=0)),
        modes=tuple(_rounded(mode) for mode in modes),
        chips=tuple(_rounded(np.array([chip.v_ref - typical.v_ref, *numbers])) for chip, numbers, _ in found),
    )


def _modes(curves: np.ndarray, surfaces: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """(modes, values) V, each one standard deviation, of deviations (chips, values); and what these leave of them."""
    whole = np.concatenate([part - part.mean(axis=0) for part in (curves, surfaces)], axis=1)
    weights = np.concatenate([np.full(part.shape[1], 1 / max(part.std(), _TINY)) for part in (curves, surfaces)])
    scores, values, axes = np.linalg.svd(whole * weights, full_matrices=False)
    count = 0
    while True:
        left = whole - (scores[:, :count] * values[:count]) @ axes[:count] / weights
        parts = left[:, : curves.shape[1]], left[:, curves.shape[1] :]
        enough = min(map(_kept, parts, (curves, surfaces))) >= KEPT
        if enough or count == min(MOST_MODES, len(whole) - 1):
            return values[:count, None] * axes[:count] / weights / np.sqrt(len(whole) - 1), parts
        count += 1


def _kept(left: np.ndarray, of: np.ndarray) -> float:
    """Share of the variance of ``of`` that is explained where ``left`` is not; all of it if there is none."""
    variance, unexplained = (float(np.square(part - part.mean(axis=0)).sum()) for part in (of, left))
    return round(1 - unexplained / variance, 4) if variance else 1.0


def _bias_deviates(bench: Bench, seed: int) -> bool:
    """Whether the statistics of mismatch move the references, by the first few chips."""
    if bench.bias_current is None:
        return False
    drawn = [bias_chip(bench, seed, number).parameters for number in range(3)]
    return any(abs(each[name] - bench.parameters[name]) > LEAST_BIAS for each in drawn for name in bench.parameters)


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) + 0.0 for value in values)
