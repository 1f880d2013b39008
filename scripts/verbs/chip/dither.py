"""``captwin dither``: a chip file with dither, as noisy in gates as the analog chip is."""

from pathlib import Path
from typing import Annotated

import typer

from captwin.hw.chip import Chip
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.noise import ComparatorNoiseOption, ReferenceNoiseOption, SupplyNoiseOption
from captwin.scripts.terminal.output import JsonFlag, Row, file, note, show
from captwin.sim.dither import dither_rms, dithered, without_dither
from captwin.sim.noise import Noise
from captwin.train.zoo import chip_name, load_chip


def dither(
    chip: Annotated[str, typer.Argument(help="A chip file, or the name of a pre-trained chip.")],
    rms: Annotated[
        float | None, typer.Option(help="V RMS of drive [default: what stands for the noise of the analog chip].")
    ] = None,
    comparator_noise: ComparatorNoiseOption = None,
    reference_noise: ReferenceNoiseOption = None,
    supply_noise: SupplyNoiseOption = None,
    seed: Annotated[int, typer.Option(min=0, help="One seed gives the same chip.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Chip file [default: build/CHIP-dithered.safetensors].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a chip dither: random numbers added to its drives, in gates too, as noise would be."""
    if rms is not None and (comparator_noise, reference_noise, supply_noise) != (None, None, None):
        raise CaptwinError("--rms: says how large the dither is; leave the options of noise away")
    loaded = load_chip(chip)
    noise = Noise(1, comparator_noise or 0.0, reference_noise or 0.0, supply_noise or 0.0)
    made = dithered(loaded, rms=rms, noise=noise, seed=seed)
    path = output or Path("build") / f"{chip_name(chip)}-dithered.safetensors"
    _check_replaced(path, made)
    made.save(path)
    volts, codes = zip(*(dither_rms(made, layer) for layer in made.layers), strict=True)
    texts = (f"{1e6 * rms_v:.1f} uV, {rms_codes:.3f} codes" for rms_v, rms_codes in zip(volts, codes, strict=True))
    show(
        [
            note("chip", "chip", chip),
            note("build_id", "build id", f"{made.build_id:016x}"),
            Row("dither_rms_v", list(volts), "", ""),
            Row("dither_rms_codes", list(codes), "", ""),
            *(Row("", None, f"layer {number}, RMS of drive", text) for number, text in enumerate(texts)),
            file("file", "chip file", path),
        ],
        "Dithered",
        as_json,
    )


def _check_replaced(path: Path, made: Chip) -> None:
    """:class:`CaptwinError` unless there is nothing at ``path``, or what this verb made of the same chip."""
    if not path.exists():
        return
    try:
        before = Chip.load(path)
    except CaptwinError:
        before = None
    # A chip fabricated of a dithered one says that it was dithered, too; it is another chip.
    same = before is not None and without_dither(before).build_id == without_dither(made).build_id
    if before is None or not same or "dithered" not in before.provenance:
        raise CaptwinError(f"{path}: not replaced: this verb did not make it of this chip; name another with --output")
