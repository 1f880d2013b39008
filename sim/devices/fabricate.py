"""Chips as fabricated: a chip as programmed, with every memcapacitor and comparator drawn by chance.

The charge codes of such a chip are finer than the levels that memcapacitors can be programmed to, so that they stand
for capacitances that spread continuously. The same golden model and the same gates run it.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from captwin.hw.chip import Chip, Formats, Layer
from captwin.hw.support.errors import CaptwinError
from captwin.sim.devices.gains import charge_drive, column_gains
from captwin.sim.devices.mapping import Capacitances, Mapping
from captwin.sim.devices.mapping_kinds import chip_mapping
from captwin.sim.devices.memcapacitor import Defects, Effects, History, Memcapacitor, MemcapacitorError
from captwin.sim.mismatch.deviate import deviated_layer, rest_knot
from captwin.sim.mismatch.model import Mismatch
from captwin.sim.mismatch.shared import Deviation, Shared
from captwin.sim.neurons.quantise import QuantisedNeuron

#: charge_bits that a fabricated chip may have; the fewest that are fine enough are taken
FINE_BITS = (8, 9, 10)
#: drive codes: RMS error from rounding charges to codes, if half of a layer's rows spike, that is fine enough
FINE_ERROR = 0.5
#: Gains of fine codes are small; a larger shift than in programmed chips keeps their rounding as small.
MOST_SHIFT = 20
#: C+ - C- of a chip as programmed may differ from its charge code by this share of a code (float32)
_PROGRAMMED = 0.01
#: and both of them, relatively, by this much more where C_off is found from their mean
_ROUNDED = 1e-6


@dataclass(frozen=True)
class Process:
    """What fabrication and use do to a chip. Raises :class:`CaptwinError` if a value is unphysical."""

    effects: Effects = field(default_factory=Effects)  #: what is wrong with the memcapacitors
    history: History = field(default_factory=History)  #: what they went through since they were programmed
    sigma_vth: float = 0.0  #: V, standard deviation of the comparators' thresholds, seen at the membrane
    mismatch: Mismatch | None = None  #: of the neurons' transistors, by a foundry's statistics
    trim: bool = False  #: whether each neuron's bias is programmed anew against its threshold's deviation
    shared: Shared | None = None  #: what all neurons of a chip share, by a foundry's statistics

    def __post_init__(self) -> None:
        if not 0 <= self.sigma_vth <= 1:
            raise MemcapacitorError(f"sigma_vth: must lie in 0 to 1 V, got {self.sigma_vth:g}")

    def __str__(self) -> str:
        """All that is not ideal, in words."""
        effects, history = self.effects, self.history
        foundry = self.mismatch and f"mismatch in {self.mismatch.pdk}"
        whole = self.shared and f"chip to chip in {self.shared.pdk}"
        parts = [
            (foundry, foundry),
            (whole, whole),
            (effects.sigma_c, f"sigma(C) {100 * effects.sigma_c:g} %"),
            (self.sigma_vth, f"sigma(V_th) {1e3 * self.sigma_vth:g} mV"),
            (effects.stuck, f"{100 * effects.stuck:g} % stuck"),
            (effects.drift * history.seconds, f"{100 * effects.drift:g} % drift a decade, {history.seconds:g} s"),
            (effects.read_disturb * history.reads, f"{history.reads:g} reads of {effects.read_disturb:g}"),
            (
                effects.write_disturb * history.writes,
                f"{history.writes:g} half-selections of {effects.write_disturb:g}",
            ),
            (effects.c_v1 or effects.c_v2, f"C(V) {effects.c_v1:g} /V, {effects.c_v2:g} /V^2"),
            (self.trim, "trimmed by the bias"),
        ]
        return ", ".join(str(words) for size, words in parts if size) or "ideal"

    def facts(self) -> dict[str, Any]:
        """All of it for a chip file."""
        models = {"mismatch": self.mismatch, "shared": self.shared}
        plain = asdict(replace(self, mismatch=None, shared=None))
        for name, model in models.items():
            del plain[name]
            if model is not None:
                plain[name] = {"pdk": model.pdk, "sha256": model.sha256}
        return plain


@dataclass(frozen=True)
class Programmed:
    """The memcapacitors that a layer as programmed is made of."""

    memcapacitor: Memcapacitor
    mapping: type[Mapping]  #: the kind that programmed them
    charge_lsb: float  #: F, the difference C+ - C- of one charge code
    bias_width: int  #: unit memcapacitors in parallel that make one of the bias pairs

    def trimmed_bias(self, layer: Layer, more: np.ndarray) -> np.ndarray:
        """(2, columns) F: the bias pairs of ``layer``, programmed to the codes whose C+ - C- is nearest to ``more`` F
        (columns,) above what it is; no code lies beyond the levels."""
        top, lsb = self.memcapacitor.levels - 1, self.charge_lsb * self.bias_width
        before = layer.c_bias[0].astype(np.float64) - layer.c_bias[1]
        kind = self.mapping(self.memcapacitor.c_on / self.memcapacitor.c_off, top + 1, parasitic=0.0, v_read=1.0)
        pair = np.stack(kind.pair_levels(kind.round_codes((before + more) / lsb / top), top))
        return self.bias_width * (self.memcapacitor.c_off + pair * self.charge_lsb)


def programmed(layer: Layer, mapping: type[Mapping], levels: int, effects: Effects, where: str) -> Programmed:
    """The memcapacitors of ``levels`` levels that make ``layer``, computed from its capacitances and charge codes.

    ``mapping`` is the kind that programmed it, ``where`` what messages call it. Raises :class:`CaptwinError` if the
    capacitances are not those of the codes, as in a chip that was fabricated, or not those of this mapping.
    """
    codes = layer.charges.astype(np.float64)
    differences = np.subtract(layer.c_plus, layer.c_minus, dtype=np.float64)
    if not codes.any():
        raise CaptwinError(f"{where}: every charge is 0, which tells nothing of its devices; train it longer")
    step = float((differences * codes).sum() / (codes**2).sum())
    if step <= 0 or np.abs(differences - step * codes).max() > _PROGRAMMED * step:
        raise CaptwinError(
            f"{where}: its capacitances are not those of its charge codes; fabricate from a chip as programmed"
        )
    swing = step * (levels - 1)
    capacitances = Capacitances(layer.c_plus, layer.c_minus, layer.c_bias, layer.c_column)
    c_off, bias_width = mapping.unit_pair(capacitances, swing)
    if c_off <= 0 or np.maximum(layer.c_plus, layer.c_minus).max() > (c_off + swing) * (1 + 1e-3):
        raise CaptwinError(f"{where}: its capacitances are not those of devices with {levels} levels")
    plus, _ = mapping.pair_levels(codes, levels - 1)
    if np.abs(c_off + plus * step - layer.c_plus).max() > _PROGRAMMED * step + _ROUNDED * layer.c_plus.max():
        raise CaptwinError(f"{where}: its capacitances are not those of the mapping {mapping.kind}")
    return Programmed(Memcapacitor(c_off, c_off + swing, levels, effects), mapping, step, max(1, round(bias_width)))


def fabricate(chip: Chip, process: Process, *, seed: int, number: int = 0, mapping: str | None = None) -> Chip:
    """The ``number``-th chip that fabricating ``chip`` gives; equal arguments give equal chips.

    ``chip`` must be one as programmed; ``mapping`` is the kind that programmed it, where its file does not say. Its
    ballast and parasitics stay as they are, and so do the surfaces, which are those of the nominal column. Raises
    :class:`CaptwinError` if its capacitances are not those of its codes, levels and mapping, or if what comes out does
    not fit the formats.
    """
    levels, kind = _levels(chip), chip_mapping(chip, mapping)
    made_of = [
        programmed(layer, kind, levels[number], process.effects, f"layers.{number}.charges")
        for number, layer in enumerate(chip.layers)
    ]
    *streams, of_chip = np.random.SeedSequence([seed, number]).spawn(len(chip.layers) + 1)
    deviation = None if process.shared is None else process.shared.draw(np.random.default_rng(of_chip))
    drawn = [
        _draw(chip, layer, parts, process, deviation, np.random.default_rng(stream))
        for layer, parts, stream in zip(chip.layers, made_of, streams, strict=True)
    ]
    formats = chip.formats
    for bits in FINE_BITS:
        formats = replace(chip.formats, charge_bits=max(bits, chip.formats.charge_bits))
        lsbs = [_charge_lsb(layer, parts, formats) for layer, parts in zip(drawn, made_of, strict=True)]
        if all(_rounding(layer, lsb, chip) <= FINE_ERROR for layer, lsb in zip(drawn, lsbs, strict=True)):
            break
    layers = []
    for nominal, layer, lsb in zip(chip.layers, drawn, lsbs, strict=True):
        differences = np.subtract(layer.c_plus, layer.c_minus, dtype=np.float64)
        bias, column = layer.c_bias.astype(np.float64), layer.c_column.astype(np.float64)
        capacitances = Capacitances(layer.c_plus, layer.c_minus, bias, column)
        gains = column_gains(lsb, capacitances, chip.analog.v_read, nominal.scale, formats, MOST_SHIFT)
        charges = np.rint(differences / lsb).astype(np.int16)
        dither = layer.dither and layer.dither.rescaled(gains.shift - layer.shift)
        layers.append(replace(layer, charges=charges, dither=dither, **vars(gains)))
    made_by = {**process.facts(), "seed": seed, "number": number, "from_build_id": f"{chip.build_id:016x}"}
    provenance = {**chip.provenance, "fabricated": made_by}
    return replace(chip, formats=formats, layers=tuple(layers), provenance=provenance)


def drive_slope(layer: Layer | QuantisedNeuron, formats: Formats) -> float:
    """a = dF_0/du [V/V] of a silent neuron at rest, over the four intervals of the drive axis below its threshold.

    Where a neuron at rest never fires, the whole axis counts.
    """
    fu, knot = formats.drive_fraction, rest_knot(layer, formats)
    last = int(layer.thresholds[0, knot]) >> fu
    first = max(0, last - 4) if last <= formats.drive_max >> fu else 0
    last = max(last, first + 1)
    silent = layer.surfaces[0, 0] if layer.surfaces.ndim == 4 else layer.surfaces[0]
    surface = silent[knot].astype(np.float64)
    v_lsb = layer.scale.membranes(formats).lsb
    u_knot = layer.scale.drives(formats).lsb * (1 << fu)
    return float((surface[last] - surface[first]) * v_lsb / ((last - first) * u_knot))


def threshold_shift_codes(layer: Layer, formats: Formats, volts: np.ndarray) -> np.ndarray:
    """Offsets of the threshold curve, drive codes, of comparators that trip ``volts`` higher at the membrane.

    To first order such a comparator needs volts / a more drive, a being :func:`drive_slope`. Limited to what a chip
    file holds. Raises :class:`CaptwinError` if no drive moves the membrane.
    """
    slope = drive_slope(layer, formats)
    if slope <= 0:
        raise CaptwinError("sigma_vth: the drive does not move this neuron's membrane near its threshold")
    u_lsb = layer.scale.drives(formats).lsb
    return np.clip(np.rint(volts / slope / u_lsb), -formats.drive_max, formats.drive_max).astype(np.int32)


def _draw(
    chip: Chip,
    layer: Layer,
    parts: Programmed,
    process: Process,
    deviation: Deviation | None,
    rng: np.random.Generator,
) -> Layer:
    """``layer`` with drawn capacitances, thresholds and surfaces; its charges and gains are still those of before.

    ``deviation`` is what all neurons of the chip share.
    """
    memcapacitor, history, v_read = parts.memcapacitor, process.history, chip.analog.v_read

    def live(array: np.ndarray, defects: Defects, volts: float, parallel: int = 1) -> np.ndarray:
        nominal = array.astype(np.float64) / parallel
        return memcapacitor.as_read(memcapacitor.live(nominal, defects, history), volts) * parallel

    plus, minus = (
        live(array, memcapacitor.draw(array.shape, rng), volts)
        for array, volts in ((layer.c_plus, v_read), (layer.c_minus, -v_read))
    )
    bias_defects = [memcapacitor.draw(line.shape, rng, parts.bias_width) for line in layer.c_bias]
    most, u_lsb = chip.formats.drive_max, layer.scale.drives(chip.formats).lsb
    shifts = threshold_shift_codes(layer, chip.formats, process.sigma_vth * rng.standard_normal(layer.columns))
    if process.mismatch is not None:
        volts = process.mismatch.draw_thresholds(layer.columns, rng)
        shifts = shifts + np.rint(volts / u_lsb).astype(np.int32)
    made = layer if deviation is None else deviated_layer(layer, chip.formats, deviation)
    at_rest = (slice(0, 1), rest_knot(layer, chip.formats))
    of_all = made.thresholds[at_rest].astype(np.int64) - layer.thresholds[at_rest]
    wanted = layer.c_bias
    if process.trim:
        wanted = parts.trimmed_bias(layer, (shifts + of_all) * u_lsb / v_read * layer.c_column)
    bias = np.stack(
        [
            live(line, defects, volts, parts.bias_width)
            for line, defects, volts in zip(wanted, bias_defects, (v_read, -v_read), strict=True)
        ]
    )
    before = (layer.c_plus, layer.c_minus, layer.c_bias)
    change = sum((a - b.astype(np.float64)).sum(axis=0) for a, b in zip((plus, minus, bias), before, strict=True))
    column = layer.c_column.astype(np.float64) + change
    return replace(
        made,
        c_plus=plus.astype(np.float32),
        c_minus=minus.astype(np.float32),
        c_bias=bias.astype(np.float32),
        c_column=column.astype(np.float32),
        threshold_offsets=np.clip(layer.threshold_offsets + shifts, -most, most).astype(np.int32),
    )


def _charge_lsb(layer: Layer, nominal: Programmed, formats: Formats) -> float:
    """F of a charge code with which every difference fits; a whole part of the programmed step where that goes."""
    largest = float(np.abs(np.subtract(layer.c_plus, layer.c_minus, dtype=np.float64)).max())
    most = (1 << (formats.charge_bits - 1)) - 1
    finer = int(most * nominal.charge_lsb / largest) if largest else most
    return nominal.charge_lsb / finer if finer else largest / most


def _rounding(layer: Layer, lsb: float, chip: Chip) -> float:
    """RMS drive codes that rounding charges to multiples of ``lsb`` adds up to if half of the rows spike."""
    lightest, drives = layer.c_column.min(keepdims=True), layer.scale.drives(chip.formats)
    code = float(charge_drive(lsb, lightest.astype(np.float64), chip.analog.v_read, drives)[0])
    return code * float(np.sqrt(layer.rows / 2 / 12))


def _levels(chip: Chip) -> list[int]:
    """Levels of the memcapacitors of each layer: what training says, or as many as the charge codes can tell apart."""
    config = chip.provenance.get("config")
    said = config.get("levels") if isinstance(config, dict) else None
    levels = said if isinstance(said, list) and len(said) == len(chip.layers) else [said] * len(chip.layers)
    known = 1 << (chip.formats.charge_bits - 1)
    return [each if isinstance(each, int) and each > 1 else known for each in levels]
