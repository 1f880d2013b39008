"""Which size of a core a board gets, and whether it fits, before hours of synthesis say so."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from captwin.boards.board import Board
from captwin.boards.families.fabric import Limits
from captwin.boards.sizing.area import AreaModel
from captwin.boards.sizing.block_rams import block_rams
from captwin.boards.sizing.real_time import require_real_time_fit
from captwin.boards.sizing.smaller import ever_smaller
from captwin.hw.chip import Chip
from captwin.hw.gates.core import Core
from captwin.hw.gates.options import SIZED_BY, CoreOptions, kind_word
from captwin.hw.link.replay import part_widths
from captwin.hw.real_time_area import real_time_size
from captwin.hw.support.errors import CaptwinError

#: the most images that a real-time core replays: with 8 beats each they fill block RAMs of 512 words
REPLAYED = 64
#: block RAMs that link and small memories take at most
LINK_BLOCK_RAMS = 16
#: a core of so many times the LUTs that there are does not fit, however wrong the estimate is
SURELY = 1.2


@dataclass(frozen=True)
class SizedCore:
    """A core of a chip, of the size that it gets on a board, and what it is estimated to take there.

    All that is estimated of it comes from ``model``, which keeps what it has counted.
    """

    model: AreaModel
    options: CoreOptions

    @property
    def chip(self) -> Chip:
        return self.model.chip

    @property
    def board(self) -> Board:
        return self.model.board

    def gates(self) -> Core:
        """The core itself."""
        return Core(self.chip, self.options)

    @cached_property
    def area(self) -> Limits:
        """What it takes with link and self-test around it, as place and route would report it."""
        return self.model.area(self.options)

    @property
    def lacking(self) -> tuple[str, ...]:
        """Names in :class:`Limits` of what the board has too little of, by the estimate."""
        return tuple(name for name, limit in vars(self.board.limits).items() if getattr(self.area, name) > limit)

    @cached_property
    def fits(self) -> bool:
        """Whether it is thought to fit. Block RAMs are counted first, since that is soon done."""
        limits = self.board.limits
        return self._block_rams <= limits.block_rams and self.model.fits(self.options, limits)

    @cached_property
    def _block_rams(self) -> int:
        return block_rams(self.chip, self.options, self.board)

    @property
    def replayed(self) -> int:
        """Images that the other block RAMs hold for a real-time core's :class:`captwin.hw.link.replay.Replay`, a power
        of two up to REPLAYED; 0 if there is no room, or for a core of another kind."""
        if not self.options.real_time:
            return 0
        free = self.board.limits.block_rams - self._block_rams - LINK_BLOCK_RAMS
        lanes, images = self.options.pixel_lanes, REPLAYED
        beats, widths = -(-self.chip.pixels // lanes), part_widths(lanes)
        while images and free < sum(
            self.board.family.block_rams(width, images * beats, 1, written=False) for width in widths
        ):
            images //= 2
        return images

    def require_fit(self) -> None:
        """Raises :class:`CaptwinError`, saying what would fit, if there are too few block RAMs, or LUTs by far."""
        if self.options.real_time:
            self.gates()  # which refuse a chip that needs interpolation
            size = real_time_size(self.chip)
            if size is not None:  # it is that of any chip but a few fabricated ones
                require_real_time_fit(size, self.board)
            return
        limits = self.board.limits
        if self._block_rams > limits.block_rams:
            need = f"at least {self._block_rams} block RAMs, there are {limits.block_rams}"
        elif self.area.luts > SURELY * limits.luts:
            need = f"about {self.area.luts:,} LUTs, there are {limits.luts:,}"
        else:
            return
        smaller = (SizedCore(self.model, options) for options in ever_smaller(self.chip, self.options))
        fitting = next((core for core in smaller if core.fits), None)
        if fitting is None:
            advice = "no core of this chip fits; choose a smaller chip, or a board with more"
        else:
            advice = f"this may fit: {core_words(fitting.options)}"
        sizes = "-".join(map(str, self.chip.sizes))
        raise CaptwinError(f"{self.board.title}: a {sizes} core takes {need}; {advice}")


def size_core(
    chip: Chip, board: Board, requested: Callable[[CoreOptions], CoreOptions] = lambda options: options
) -> SizedCore:
    """The core that ``chip`` gets on ``board``: the board's usual one, or that for this chip only, or the next smaller
    one, or one of another kind of layers that takes less, whichever is thought to fit with what ``requested`` makes of
    it.

    If none fits it is the board's usual one. A real-time core has one size, whether it fits or not.

    >>> chip, board = captwin.load_chip("digits-tiny"), captwin.find_board("icebreaker")
    >>> captwin.size_core(chip, board).options.serial
    False
    """
    usual = board.options(len(chip.layers))
    model = AreaModel(chip, board)
    if requested(usual).real_time:  # which has one size
        return SizedCore(model, requested(usual))
    smaller = (SizedCore(model, requested(options)) for options in ever_smaller(chip, usual))
    return next((core for core in smaller if core.fits), SizedCore(model, requested(usual)))


def core_words(options: CoreOptions) -> str:
    """``options`` as they stand on the command line."""
    words = ["--loadable" if options.loadable else "--fixed", f"--{kind_word(options.kind)}"]
    words += ["--trace"] * options.trace + ["--change-events"] * options.change_events
    words.append(f"--pixel-lanes {options.pixel_lanes}")
    for name in SIZED_BY[options.kind]:
        value = getattr(options, name)
        words.append(f"--{name.replace('_', '-')} {','.join(map(str, value)) if isinstance(value, tuple) else value}")
    return " ".join(words)
