"""A circuit's mismatch, measured: neurons drawn by the foundry's statistics, and the numbers that describe them."""

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from captwin.hw.support.documents import first_fault
from captwin.hw.support.progress import Progress, silent
from captwin.sim.mismatch.model import LEAST_NEURONS, Mismatch
from captwin.sim.mismatch.reduce import kept, neuron_numbers
from captwin.sim.mismatch.sample import sampled_table, sampled_tables
from captwin.sim.pdk.catalogue import find_pdk
from captwin.sim.pdk.place import cards_digest, place_of
from captwin.sim.spice.benches.bench import Bench
from captwin.sim.spice.ngspice import SpiceError


def measure_mismatch(
    bench: Bench, neurons: int, seed: int, *, cache: Path | None = None, progress: Progress = silent
) -> Mismatch:
    """Samples ``neurons`` neurons of ``bench``, each measured by a few cycles, thresholds by bisection, and
    reduces them.

    Equal arguments give equal results. Cycles are kept in the folder ``cache``, so an interrupted run goes on where it
    stopped; ``progress`` is called with how many neurons are done. Raises :class:`CaptwinError` if the circuit's
    devices have no statistics, if its drives do not begin below 0, if cycles do not converge, or if hardly a neuron
    has a threshold.
    """
    if bench.parameters["u_min"] >= 0:  # where a silent neuron's gain is measured
        raise SpiceError(f"{bench.path}: u_min: mismatch is measured with drives below 0 V as well; lower it")
    tables = list(sampled_tables(bench, neurons, seed, cache=cache, progress=progress))
    typical = sampled_table(bench, cache)
    found = [(table, numbers) for table in tables if (numbers := neuron_numbers(typical, table)) is not None]
    if len(found) < LEAST_NEURONS:
        raise SpiceError(
            f"{bench.circuit}: of {neurons} sampled neurons {len(found)} have a threshold within their range; sample"
            f" more, at least {LEAST_NEURONS} are needed"
        )
    whole, rows = [table for table, _ in found], np.stack([numbers for _, numbers in found])
    shares, pdk = kept(typical, whole, rows), find_pdk(bench.models)
    try:
        return Mismatch(
            circuit=bench.circuit,
            pdk=pdk.name,
            temperature=bench.conditions.temperature,
            seed=seed,
            source_sha256=bench.sha256,
            cards_sha256=cards_digest(pdk, place_of(pdk)),
            lost=neurons - len(found),
            thresholds_kept=round(shares.thresholds, 4),
            membranes_rms=round(shares.membranes_rms, 7),
            membranes_kept=round(shares.membranes, 4),
            neurons=tuple(tuple(round(float(number), 7) for number in row) for row in rows),
        )
    except ValidationError as error:
        raise SpiceError(
            f"{bench.circuit}: its sampled neurons do not spread as neurons do: {': '.join(first_fault(error))}; look"
            " at its netlist"
        ) from None
