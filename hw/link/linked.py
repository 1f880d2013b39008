"""A core on a line: all that a host talks to, whatever board it is on."""

import json
from importlib.metadata import version

from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.core import Core
from hw.link import protocol
from hw.link.device import HostLink


class LinkedCore(wiring.Component):
    """``core`` behind a UART at ``baud`` bits a second, or nearly so, in a clock of ``clock_hz``.

    Half a frame is forgotten after PATIENCE_S of silence.
    """

    PATIENCE_S = 0.25

    def __init__(self, core: Core, *, clock_hz: float, baud: float) -> None:
        self.core = core
        cycles = round(clock_hz / baud)
        self.about = about(core, clock_hz, clock_hz / cycles)
        patience = round(self.PATIENCE_S * clock_hz)
        self.link = HostLink(core, json.dumps(self.about).encode(), cycles=cycles, patience=patience)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.core = ResetInserter(link.core_reset)(self.core)
        wiring.connect(m, link.pixels, self.core.pixels)
        wiring.connect(m, self.core.result, link.result)
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx), link.counters.eq(self.core.counters)]
        return m


def about(core: Core, clock_hz: float, baud: float) -> dict[str, object]:
    """What a device says of itself when asked; `docs/protocol.md` lists it."""
    chip = core.chip
    return {
        "protocol": protocol.VERSION,
        "captwin": version("captwin"),
        "build_id": f"{chip.build_id:016x}",
        "sizes": list(chip.sizes),
        "steps": chip.encoder.steps,
        "clock_hz": round(clock_hz),
        "baud": round(baud),
        "images": core.IN_FLIGHT,
    }
