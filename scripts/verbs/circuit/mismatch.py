"""``captwin mismatch``: neurons of a circuit as a foundry's statistics draw them, measured in ngspice."""

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
from captwin.sim.mismatch.model import LEAST_NEURONS, MOST_NEURONS, NUMBERS, Mismatch
from captwin.sim.neurons.conditions import TYPICAL, Conditions
from captwin.sim.spice.benches.bench import open_bench
from captwin.sim.spice.memory import default_cache


def mismatch(
    circuit: Annotated[
        str, typer.Argument(help="A circuit on a foundry's devices; with --netlist, what to call your own.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File of the model [default: CIRCUIT-mismatch.json].")
    ] = None,
    neurons: Annotated[
        int, typer.Option(min=LEAST_NEURONS, max=MOST_NEURONS, help="How many neurons are sampled.")
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="One seed gives the same neurons.")] = 1,
    temperature: Annotated[float, typer.Option(help="Temperature in deg C.")] = TYPICAL.temperature,
    netlist: Annotated[Path | None, typer.Option(help="Your neuron, as for characterize.")] = None,
    pdk: PdkOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sample neurons of a circuit by a foundry's mismatch statistics, measure each, and tell how they spread."""
    check_name(circuit, "mismatch")
    path = output or Path(f"{circuit}-mismatch.json")
    _keep_others(path, circuit)
    bench = open_bench(circuit, netlist=netlist, pdk=pdk, conditions=Conditions(TYPICAL.corner, temperature))
    with progress_told() as progress:
        model = measure_mismatch(bench, neurons, seed, cache=default_cache(), progress=progress)
    model.save(path)
    show(_rows(model, path), "Mismatch", as_json)


def _rows(model: Mismatch, path: Path) -> list[Row]:
    return [
        note("circuit", "circuit", model.circuit),
        note("pdk", "devices", model.pdk),
        count("neurons", "sampled neurons with a threshold", len(model.neurons)),
        count("lost", "sampled neurons without one in their range", model.lost),
        *(
            _number(name, mean, deviation)
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


def _number(name: str, mean: float, deviation: float) -> Row:
    label, unit = NUMBERS[name]
    scale, shown = (1e3, "mV") if unit == "V" else (100, "%")
    text = f"{scale * mean:+.3f} {shown}, standard deviation {scale * deviation:.3f} {shown}"
    key = f"{name}_v" if unit == "V" else name
    return Row(key, {"mean": mean, "deviation": deviation}, f"{label}: mean", text)


def _keep_others(path: Path, circuit: str) -> None:
    """Raises :class:`CaptwinError` if something else stands at ``path`` than an earlier model of ``circuit``."""
    if not file_target(path).is_file():
        return
    try:
        model = Mismatch.load(path)
    except CaptwinError:
        raise CaptwinError(f"{path}: not replaced: this is no model of mismatch; name another with --output") from None
    if model.circuit != circuit:
        raise CaptwinError(
            f"{path}: not replaced: it holds the mismatch of {model.circuit}; name another with --output"
        )
