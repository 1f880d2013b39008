"""The options that ask for the analog chip's noise, and what is shown of it."""

from typing import Annotated

import numpy as np
import typer

from captwin.hw.support.errors import CaptwinError
from captwin.scripts.terminal.output import Row
from captwin.sim.evaluate import NOISE_RUNS, NoisyRuns
from captwin.sim.noise import Noise

#: runs with noise that an evaluation may be asked for
MOST_RUNS = 1000

NoiseOption = Annotated[
    bool, typer.Option("--noise", help="Also run it with the noise of the analog chip: kT/C, and what else is stated.")
]
NoiseSeedOption = Annotated[
    int | None, typer.Option(min=0, help="Seed of the first run with noise; the others follow it [default: 1].")
]
NoiseRunsOption = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_RUNS, help=f"Runs with noise, each of another seed [default: {NOISE_RUNS}]."),
]
ComparatorNoiseOption = Annotated[
    float | None, typer.Option(help="Noise of the comparators, V RMS at the membrane, with --noise [default: none].")
]
ReferenceNoiseOption = Annotated[
    float | None, typer.Option(help="Noise of V_ref, V RMS, with --noise [default: none].")
]
SupplyNoiseOption = Annotated[
    float | None,
    typer.Option(help="Noise of the supply, V RMS, with --noise; V_ref has its share of it [default: none]."),
]


def noise_of(
    asked: bool,
    seed: int | None,
    runs: int | None,
    comparator: float | None,
    reference: float | None,
    supply: float | None,
) -> tuple[Noise | None, int]:
    """The noise that the options ask for, and how many runs; :class:`CaptwinError` if they describe some and do not ask
    for it."""
    options = {
        "--noise-seed": seed,
        "--noise-runs": runs,
        "--comparator-noise": comparator,
        "--reference-noise": reference,
        "--supply-noise": supply,
    }
    for option, value in options.items():
        if value is not None and not asked:
            raise CaptwinError(f"{option}: is for runs with noise; give --noise too")
    noise = Noise(1 if seed is None else seed, comparator or 0.0, reference or 0.0, supply or 0.0) if asked else None
    return noise, runs or NOISE_RUNS


def noise_rows(noisy: NoisyRuns | None) -> list[Row]:
    """Accuracy with noise, and the RMS of each term: over a layer's columns, one line a layer where they differ."""
    if noisy is None:
        return []
    runs, mean, deviation = len(noisy.accuracies), noisy.mean, noisy.deviation
    spread = f"{100 * mean:.2f} %, standard deviation {100 * deviation:.2f} % over {runs} seeds from {noisy.noise.seed}"
    terms = [
        {name: 1e6 * float(np.sqrt(np.mean(np.square(values)))) for name, values in vars(volts).items()}
        for volts in noisy.layers
    ]
    texts = {name: [f"{layer[name]:.1f}" for layer in terms] for name in terms[0]}
    return [
        Row("noise_accuracy", mean, "accuracy with noise", spread),
        Row("noise_accuracy_deviation", deviation, "", ""),
        Row("noise_accuracies", list(noisy.accuracies), "", ""),
        Row("noise_seed", noisy.noise.seed, "", ""),
        Row("noise_layers_uv", terms, "", ""),
        *(
            Row("", None, f"  {LABELS[name]}", f"{' / '.join(values if len(set(values)) > 1 else values[:1])} uV RMS")
            for name, values in texts.items()
        ),
    ]


#: what people call the terms, in their order in NoiseVolts
LABELS = {
    "column": "kT/C of the precharged column",
    "reset": "kT/C of a reset membrane",
    "transfer": "kT/C of the transfer, at the membrane",
    "comparator": "comparator, at the membrane",
    "reference": "reference and supply, at the column",
}
