"""A simulated board behind a pseudo-terminal: the compiled gates of a core and its host link."""

import os
import subprocess
import tty
from pathlib import Path
from types import TracebackType

import numpy as np

from captwin.hw.chip import PIXEL_MAX
from captwin.hw.gates.core import Core, CoreOptions
from captwin.hw.link.line.uart import LEAST_CYCLES
from captwin.hw.link.linked_core import LinkedCore, bit_cycles
from captwin.hw.support.tools import tool_environment
from captwin.hw.verilog import convert
from captwin.sim.expected import expect
from captwin.sim.rtl.program import FAST, compile_program

DRIVER = Path(__file__).with_name("virtual.cpp")
TOP = "captwin_linked"
LEVEL = FAST  #: of g++'s optimising
CLOCK_HZ = 100e6
#: the fastest that the receiver can follow, since each clock cycle is simulated
BAUD = CLOCK_HZ / LEAST_CYCLES
#: bits of silence on the line after which simulated time stands still
IDLE_BITS = 20_000
#: a core that other chips can be loaded into, and that has a trace of each layer
LOADABLE = CoreOptions(loadable=True, trace=True)


class VirtualBoard:
    """A simulated board with ``core`` on it, for as long as the context lasts.

    Within the context, ``port`` is the path of its serial port. Any program may open it, at whatever baud rate: the
    simulated line runs at ``baud``, or at a half, a third and so on of it, where a bit would not last a whole number of
    clock cycles. A host's bits are 1 + ``skew`` times as long as the device's. The constructor compiles the core, or
    takes it from the cache; it raises :class:`CaptwinError` if tools are missing or fail.

    >>> core = captwin.Core(captwin.load_chip("digits-tiny"), captwin.CoreOptions())
    >>> with captwin.VirtualBoard(core) as board, captwin.Device(board.port) as device:
    ...     print(device.sizes)
    (64, 10)
    """

    port: str  #: path of the serial port

    def __init__(self, core: Core, *, baud: float = BAUD, skew: float = 0.0) -> None:
        cycles = bit_cycles(CLOCK_HZ, baud)
        self._bit = cycles * (1 + skew)
        ramp = np.arange(core.chip.pixels, dtype=np.uint8) & PIXEL_MAX
        linked = LinkedCore(core, expect(core.chip, ramp), clock_hz=CLOCK_HZ, baud=baud)
        files = {"core.v": convert(linked, TOP), "driver.cpp": DRIVER.read_text()}
        self._program, _ = compile_program(TOP, files, LEVEL)

    def __enter__(self) -> "VirtualBoard":
        board, host = os.openpty()
        tty.setraw(host)
        self.port = os.ttyname(host)
        # This end stays open, so that the board keeps running after a host has closed its own.
        self._host = host
        self._process = subprocess.Popen(
            [self._program, str(self._bit), str(board), str(IDLE_BITS)], pass_fds=[board], env=tool_environment()
        )
        os.close(board)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._host)
