"""Whether a real-time core fits on a board, before there is a chip."""

from dataclasses import dataclass
from math import ceil

from captwin.boards.board import Board
from captwin.hw.real_time_area import LUTS_A_WEIGHT, RealTimeSize
from captwin.hw.support.errors import CaptwinError


@dataclass(frozen=True)
class RealTimeFit:
    """What a real-time core takes of a board, estimated."""

    board: Board
    luts: int
    block_rams: int

    @property
    def share(self) -> float:
        """Of what the board has, that which is used most; above 1 the core does not fit."""
        limits = self.board.limits
        return max(self.luts / limits.luts, self.block_rams / limits.block_rams)

    def __str__(self) -> str:
        verdict = "fits" if self.share <= 1 else "does not fit"
        return f"{verdict} {self.board.name}: {100 * self.share:.0f} %"


def real_time_fit(size: RealTimeSize, board: Board) -> RealTimeFit:
    """What a real-time core of ``size`` takes of ``board``."""
    memories = ((layer.memory.width, layer.memory.words, layer.neurons) for layer in size.layers)
    blocks = sum(board.family.block_rams(*memory, written=False) for memory in memories)
    return RealTimeFit(board, size.luts, blocks)


def require_real_time_fit(size: RealTimeSize, board: Board) -> RealTimeFit:
    """The same; :class:`CaptwinError` says what to change if it does not fit."""
    fit, limits = real_time_fit(size, board), board.limits
    takes = f"{board.title}: a real-time core of this network takes about"
    if fit.block_rams > limits.block_rams:
        raise CaptwinError(
            f"{takes} {fit.block_rams:,} block RAMs, there are {limits.block_rams:,}; take fewer neurons, or fewer"
            " direct.drive_bits or direct.membrane_bits"
        )
    if fit.luts > limits.luts:
        fitting = size.weights - ceil((fit.luts - limits.luts) / LUTS_A_WEIGHT)
        advice = f"raise sparsity until {fitting:,} of its {size.weights:,} weights stay" if fitting > 0 else ""
        raise CaptwinError(f"{takes} {fit.luts:,} LUTs, there are {limits.luts:,}; {advice or 'take fewer neurons'}")
    return fit
