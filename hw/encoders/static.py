"""`static`: a pixel that is bright enough spikes in every time step, any other never."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import PIXEL_BITS, PIXEL_MAX, STRICT, Encoder

if TYPE_CHECKING:  # chips are read without an HDL
    from captwin.hw.gates.encoder import PixelWords


@dataclass(frozen=True, config=STRICT)
class Static(Encoder):
    """Makes the image black and white, and shows it in every step.

    Attributes
    ----------
    threshold : int, 1 to 255
        The darkest pixel that spikes.
    """

    kind: Literal["static"] = "static"
    threshold: Annotated[int, Field(ge=1, le=PIXEL_MAX)] = 128

    GATE_SETTINGS: ClassVar = {"threshold": PIXEL_BITS}
    ADVICE: ClassVar = "lower the encoder's threshold"
    REAL_TIME: ClassVar = True

    def spikes(self, pixels: Any, step: int) -> Any:
        return pixels >= self.threshold

    def gates(self, words: "PixelWords", lane: int, stage: int) -> Any:
        return words.pipe[f"pixel{lane}", stage] >= words.settings.threshold

    def kept(self, pixel: Any) -> Any:
        return pixel >= self.threshold

    def shown(self, m: Any, kept: Any, show: Any, name: str) -> Any:
        from amaranth import Signal  # here, since chips are read without an HDL

        bright = Signal(name=name + "bright", reset_less=True)
        with m.If(show):
            m.d.sync += bright.eq(kept)
        return bright
