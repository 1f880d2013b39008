"""What every encoder has, whatever its kind."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

if TYPE_CHECKING:  # chips are read without an HDL
    from captwin.hw.gates.encoder import PixelWords

PIXEL_BITS = 8
PIXEL_MAX = (1 << PIXEL_BITS) - 1
STEP_BITS = 8
STEPS_MAX = (1 << STEP_BITS) - 1

STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=STRICT)
class Encoder(ABC):
    """Decides which pixels spike in which time step. ``docs/arithmetic.md`` has each kind's formula.

    A kind is a class derived from this one, in a file of its own in this folder. It is a frozen pydantic dataclass:
    its fields are the settings that chip files and training configurations hold, and pydantic checks them.

    Attributes
    ----------
    kind : str
        The name of the kind, which stands in chip files. Each class narrows it to the one name that it has.
    steps : int, 1 to 255
        Time steps of one inference.
    GATE_SETTINGS : class attribute, name to bits
        The fields that the gates need as numbers, beside the number of the last step, in the order of their register.
        A board that can be loaded takes other values of them at run time.
    ADVICE : class attribute
        What to change when pixels that are not black never spike.
    REAL_TIME : class attribute
        Whether a real-time core can have it: whether there are :meth:`kept` and :meth:`shown`.
    """

    kind: str
    steps: Annotated[int, Field(ge=1, le=STEPS_MAX)] = 8

    GATE_SETTINGS: ClassVar[Mapping[str, int]] = {}
    ADVICE: ClassVar[str] = "raise the encoder's steps"
    REAL_TIME: ClassVar[bool] = False

    @property
    def gate_stages(self) -> int:
        """Clock cycles from a pixel to its spike in :meth:`gates`."""
        return 0

    @abstractmethod
    def spikes(self, pixels: Any, step: int) -> Any:
        """Booleans of the shape of ``pixels``: who spikes in time step ``step``, 0 to ``steps`` - 1.

        ``pixels`` is uint8, a NumPy array or a PyTorch tensor, and so is the result; the last axis runs over the
        image in raster order.
        """

    @abstractmethod
    def gates(self, words: "PixelWords", lane: int, stage: int) -> Any:
        """Adds the gates of one lane: whether its pixel spikes, an Amaranth value of ``stage + gate_stages``.

        ``stage`` is the one at which the pixel is there.
        """

    def shared_gates(self, words: "PixelWords") -> None:  # noqa: B027 (most kinds have none)
        """Adds the gates that all lanes share, before those of the lanes."""

    def kept(self, pixel: Any) -> Any:
        """In gates of a real-time core: what is kept of a pixel until its image is shown, an Amaranth value."""
        raise NotImplementedError

    def shown(self, m: Any, kept: Any, show: Any, name: str) -> Any:
        """Adds the gates of one pixel of a real-time core to the Amaranth module ``m``: whether it spikes.

        In the cycle after ``show`` was high they begin with step 0 of the image of which ``kept`` was there then, and
        go on with a step each cycle. ``name`` begins the names of their signals.
        """
        raise NotImplementedError

    def padding_obstacle(self, pixels: int, room: int) -> str | None:
        """Why an image of ``pixels`` cannot be filled up with black pixels to ``room`` of them, or None if it can.

        It can if the pixels that were there spike as before and those that were added never do.
        """
        return None
