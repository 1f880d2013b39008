"""``captwin mismatch``: neurons or chips of a circuit as a foundry's statistics draw them, measured in ngspice."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import file_target
from captwin.hw.support.names import check_name
from captwin.scripts.options import PdkOption
from captwin.scripts.terminal.output import JsonFlag, Row, count, file, note, progress_told, share, show
from captwin.sim.mismatch.measure import measure_mismatch
from captwin.sim.mismatch.measure_shared import measure_shared
from captwin.sim.mismatch.model import LEAST_NEURONS, MOST_NEURONS, NUMBERS, Mismatch
from captwin.sim.mismatch.shared import CAUSES, CHIP_NUMBERS, LEAST_CHIPS, MOST_CHIPS, Shared
from captwin.sim.neurons.conditions import TYPICAL, Conditions
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.memory import default_cache

#: sampled if no number is given
NEURONS = 50


def mismatch(
    circuit: Annotated[
        str, typer.Argument(help="A circuit on a foundry's devices; with --netlist, what to call your own.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File of the model [default: CIRCUIT-mismatch.json, or CIRCUIT-chips.json]."
        ),
    ] = None,
    neurons: Annotated[
        int | None,
        typer.Option(min=LEAST_NEURONS, max=MOST_NEURONS, help=f"How many neurons are sampled [default: {NEURONS}]."),
    ] = None,
    chips: Annotated[
        int | None,
        typer.Option(
            min=LEAST_CHIPS, max=MOST_CHIPS, help="Sample so many whole chips instead, for what their neurons share."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="One seed gives the same neurons, or chips.")] = 1,
    temperature: Annotated[float, typer.Option(help="Temperature in deg C.")] = TYPICAL.temperature,
    netlist: Annotated[Path | None, typer.Option(help="Your neuron, as for characterize.")] = None,
    pdk: PdkOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sample neurons or chips of a circuit by a foundry's statistics, measure each, and tell how they spread."""
    check_name(circuit, "mismatch")
    if chips is not None and neurons is not None:
        raise CaptwinError("--neurons and --chips: each has a model of its own; give one of them")
    kind: type[Mismatch] | type[Shared] = Mismatch if chips is None else Shared
    path = output or Path(f"{circuit}-{'mismatch' if chips is None else 'chips'}.json")
    _keep_others(path, circuit, kind)
    bench = open_bench(circuit, netlist=netlist, pdk=pdk, conditions=Conditions(TYPICAL.corner, temperature))
    with progress_told() as progress:
        if chips is None:
            model = measure_mismatch(bench, neurons or NEURONS, seed, cache=default_cache(), progress=progress)
            model.save(path)
            rows = _rows(model, path)
        else:
            shared = measure_shared(bench, chips, seed, cache=default_cache(), progress=progress)
            shared.save(path)
            rows = _shared_rows(shared, path)
    show(rows, "Mismatch" if chips is None else "Chip to chip", as_json)


def _rows(model: Mismatch, path: Path) -> list[Row]:
    return [
        note("circuit", "circuit", model.circuit),
        note("pdk", "devices", model.pdk),
        count("neurons", "sampled neurons with a threshold", len(model.neurons)),
        count("lost", "sampled neurons without one in their range", model.lost),
        *(
            _number(name, mean, deviation, NUMBERS[name])
            for name, mean, deviation in zip(NUMBERS, model.mean, np.sqrt(np.diag(model.covariance)), strict=True)
        ),
        share("thresholds_kept", "variance of thresholds that one offset a neuron keeps", model.thresholds_kept),
        Row(
            "membranes_rms_v",
            model.membranes_rms,
            "membrane after a cycle is off by, RMS",
            f"{1e3 * model.membranes_rms:.3f} mV",
        ),
        share("membranes_kept", "variance of membranes that their four numbers keep", model.membranes_kept),
        file("model", "model", path),
    ]


def _shared_rows(model: Shared, path: Path) -> list[Row]:
    rows = [note("circuit", "circuit", model.circuit), note("pdk", "devices", model.pdk)]
    for cause, found in model.causes.items():
        numbers, name = found.numbers, CAUSES[cause]
        rows += [
            count(f"{cause}_chips", f"{name}: sampled chips with a threshold", len(numbers)),
            count(f"{cause}_lost", "sampled chips without one in their range", found.lost),
            *(
                _number(number, mean, deviation, CHIP_NUMBERS[number], f"{cause}_")
                for number, mean, deviation in zip(
                    CHIP_NUMBERS, numbers.mean(axis=0), numbers.std(axis=0, ddof=1), strict=True
                )
            ),
            count(f"{cause}_modes", "modes of whole chips", len(found.modes)),
            share(f"{cause}_thresholds_kept", "variance of thresholds that the modes keep", found.thresholds_kept),
            share(f"{cause}_surfaces_kept", "variance of surfaces that the modes keep", found.surfaces_kept),
            share(f"{cause}_offset_kept", "variance of thresholds that one offset a chip keeps", found.offset_kept),
        ]
    return [*rows, file("model", "model", path)]


def _number(name: str, mean: float, deviation: float, called: tuple[str, str], prefix: str = "") -> Row:
    label, unit = called
    scale, shown = (1e3, "mV") if unit == "V" else (100, "%")
    text = f"{scale * mean:+.3f} {shown}, standard deviation {scale * deviation:.3f} {shown}"
    key = f"{name}_v" if unit == "V" else name
    return Row(f"{prefix}{key}", {"mean": mean, "deviation": deviation}, f"{label}: mean", text)


def _keep_others(path: Path, circuit: str, kind: type[Mismatch] | type[Shared]) -> None:
    """Raises :class:`CaptwinError` if something else stands at ``path`` than an earlier model of ``circuit``."""
    if not file_target(path).is_file():
        return
    try:
        model = kind.load(path)
    except CaptwinError:
        raise CaptwinError(f"{path}: not replaced: this is no {kind.title}; name another with --output") from None
    if model.circuit != circuit:
        raise CaptwinError(
            f"{path}: not replaced: it holds the mismatch of {model.circuit}; name another with --output"
        )
