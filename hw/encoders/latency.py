"""`latency`: a pixel that is not black spikes once, brighter pixels earlier."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import PIXEL_BITS, PIXEL_MAX, STRICT
from captwin.hw.encoders.phase_and_seed import PhaseAndSeed

if TYPE_CHECKING:  # chips are read without an HDL
    from captwin.hw.gates.encoder import PixelWords


@dataclass(frozen=True, config=STRICT)
class Latency(PhaseAndSeed):
    """A pixel's only spike is due when its distance from white, as a share of full scale, is the share of steps past.

    It has no settings of its own but ``steps``. ``gate_stages`` is 1, that of the product of distance and steps.
    """

    kind: Literal["latency"] = "latency"

    @property
    def gate_stages(self) -> int:
        return 1

    def spikes(self, pixels: Any, step: int) -> Any:
        wide = pixels.astype(np.int32) if isinstance(pixels, np.ndarray) else pixels.int()
        return (pixels > 0) & (((PIXEL_MAX - wide) * self.steps) >> PIXEL_BITS == step)

    def gates(self, words: "PixelWords", lane: int, stage: int) -> Any:
        pipe = words.pipe
        wait = PIXEL_MAX - pipe[f"pixel{lane}", stage]
        stage += 1
        pipe.register(f"due{lane}_", stage, (wait * (words.settings.last_step + 1)) >> PIXEL_BITS)
        due = pipe[f"due{lane}_", stage] == pipe["step", stage]
        return (pipe[f"pixel{lane}", stage] > 0) & due
