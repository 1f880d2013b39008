"""A core with all that a board adds, as the tools get it: RTLIL and constraints."""

import re
from dataclasses import dataclass
from hashlib import sha256

from captwin.boards.board import Board
from captwin.boards.families.pll import Pll
from captwin.boards.flow.top import BoardTop
from captwin.hw.gates.core import Core
from captwin.hw.link.selftest import Expected
from captwin.hw.support.tools import inside_environment, tool_environment
from captwin.hw.verilog import without_brackets

#: name of the whole design
TOP = "captwin"


@dataclass(frozen=True)
class Design:
    """What goes into synthesis and place and route for a board."""

    board: Board
    pll: Pll
    rtlil: str  #: without the lines of the source, which would only change with our files
    constraints: str  #: pins and clocks, as nextpnr gets them
    waits: bool  #: whether most registers of the core stand still at times

    @property
    def digest(self) -> str:
        """SHA-256 of the RTLIL, hexadecimal."""
        return sha256(self.rtlil.encode()).hexdigest()


def prepare(board: Board, core: Core, expected: Expected, clock_hz: float | None = None) -> Design:
    """The design of ``core`` and its self-test, which expects ``expected``, on ``board``.

    The clock is as near to ``clock_hz`` as the PLL comes, or to the board's own.
    """
    platform = board.platform()
    pll = board.family.pll(platform.default_clk_frequency, clock_hz or board.clock_hz)
    with inside_environment(tool_environment()):  # AMARANTH_add_constraints and its like would change the build
        plan = platform.prepare(BoardTop(board, core, expected, pll), TOP)
    rtlil = re.sub(r"^ *attribute .src .*\n", "", _text(plan.files[f"{TOP}.il"]), flags=re.MULTILINE)
    constraints = board.family.tightened(_text(plan.files[board.family.constraints]))
    return Design(board, pll, without_brackets(rtlil), constraints, waits=not core.options.real_time)


def _text(content: bytes | str) -> str:
    return content.decode() if isinstance(content, bytes) else content
