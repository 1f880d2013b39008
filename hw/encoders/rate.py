"""`rate`: a pixel spikes as often as it is bright, at even distances."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import PIXEL_BITS, PIXEL_MAX, STRICT
from captwin.hw.encoders.phase_and_seed import PhaseAndSeed

if TYPE_CHECKING:  # chips are read without an HDL
    from captwin.hw.gates.encoder import PixelWords


@dataclass(frozen=True, config=STRICT)
class Rate(PhaseAndSeed):
    """A phase accumulator a pixel: it begins at ``phase``, grows by the pixel in each step, and each overflow spikes.

    Attributes
    ----------
    phase : int, 0 to 255
        Start of the accumulator, in pixel codes.
    gate_stages : int
        One for each level of the tree that adds the shifted pixels: 0 for one step, 4 for 255.
    """

    kind: Literal["rate"] = "rate"

    GATE_SETTINGS: ClassVar = {"phase": PIXEL_BITS}
    ADVICE: ClassVar = "raise the encoder's steps or phase"
    REAL_TIME: ClassVar = True

    @property
    def _step_bits(self) -> int:
        return (self.steps - 1).bit_length()

    @property
    def gate_stages(self) -> int:
        return self._step_bits.bit_length()

    def spikes(self, pixels: Any, step: int) -> Any:
        # The accumulator overflows where this sum, which uint8 keeps modulo 256, and one more pixel pass full scale.
        return pixels * step + self.phase > PIXEL_MAX - pixels

    def gates(self, words: "PixelWords", lane: int, stage: int) -> Any:
        from amaranth import Mux  # here, since chips are read without an HDL

        # The product as shifted copies, added two by two, a level a stage: FPGAs have few multipliers.
        pipe = words.pipe
        step, pixel = pipe["step", stage], pipe[f"pixel{lane}", stage]
        terms = [Mux(step[q], pixel << q, 0)[:PIXEL_BITS] for q in range(self._step_bits)]
        terms.append(words.settings.phase)
        while len(terms) > 1:
            stage += 1
            sums = [sum(terms[q : q + 2])[:PIXEL_BITS] for q in range(0, len(terms), 2)]
            for q, total in enumerate(sums):
                pipe.register(f"phase{lane}_{q}_", stage, total)
            terms = [pipe[f"phase{lane}_{q}_", stage] for q in range(len(sums))]
        return terms[0] + pipe[f"pixel{lane}", stage] > PIXEL_MAX

    def kept(self, pixel: Any) -> Any:
        return pixel

    def shown(self, m: Any, kept: Any, show: Any, name: str) -> Any:
        from amaranth import Mux, Signal  # here, since chips are read without an HDL

        pixel, phase = (Signal(PIXEL_BITS, name=name + part, reset_less=True) for part in ("pixel", "phase"))
        total = pixel + phase
        m.d.sync += phase.eq(Mux(show, self.phase, total[:PIXEL_BITS]))
        with m.If(show):
            m.d.sync += pixel.eq(kept)
        return total[PIXEL_BITS]
