"""A core on a line: all that a host talks to, whatever board it is on."""

import json
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.chip import Chip
from hw.core import Core, CoreOptions
from hw.link import protocol
from hw.link.device import HostLink
from hw.link.port import SerialPort
from hw.link.selftest import Expected, SelfTest
from hw.link.uart import LEAST_CYCLES
from hw.reset import reset_by_register
from hw.tables import own_tables

#: what a bit may be longer or shorter than it should; a host's own may be as much off again
TOLERANCE = 0.0125


class LinkedCore(wiring.Component):
    """``core`` behind a UART at ``baud`` bits a second, or a whole fraction of it, in a clock of ``clock_hz``.

    Until a host speaks it tests itself, with ``expected``. ``label`` is the class of its latest image, ``passed`` and
    ``failed`` are those of :class:`hw.link.selftest.SelfTest`. Half a frame is forgotten after PATIENCE_S of silence.

    ``hold`` resets everything, through registers: a board has no other reset.
    """

    PATIENCE_S = 0.25

    def __init__(self, core: Core, expected: Expected, *, clock_hz: float, baud: float) -> None:
        self.core = core
        cycles = bit_cycles(clock_hz, baud)
        self.about = about(core, clock_hz, clock_hz / cycles)
        patience = round(self.PATIENCE_S * clock_hz)
        self.link = HostLink(core, json.dumps(self.about).encode())
        self.port = SerialPort(cycles, capacity=self.link.capacity, patience=patience)
        self.test = SelfTest(core.chip, expected, self.link.capacity - 1)
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "hold": In(1),
                "label": Out(core.result.payload.label.shape()),
                "passed": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        link, port, test, core = self.link, self.port, self.test, self.core
        m.submodules.port = reset_by_register(m, "port", port, self.hold)
        m.submodules.test = reset_by_register(m, "test", test, self.hold)
        m.submodules.link = reset_by_register(m, "link", link, self.hold | test.restart)
        m.submodules.core = core
        wiring.connect(m, port.requests, test.host_requests)
        wiring.connect(m, test.host_replies, port.replies)
        wiring.connect(m, test.requests, link.requests)
        wiring.connect(m, link.replies, test.replies)
        wiring.connect(m, link.pixels, core.pixels)
        wiring.connect(m, core.result, link.result)
        m.d.comb += [
            port.rx.eq(self.rx),
            self.tx.eq(port.tx),
            test.host_length.eq(port.length),
            link.length.eq(test.length),
            link.counters.eq(core.counters),
            self.passed.eq(test.passed),
            self.failed.eq(test.failed),
        ]
        if core.options.trace:
            for number in range(len(core.chip.layers)):
                wiring.connect(m, getattr(core, f"trace{number}"), getattr(link, f"trace{number}"))
        if core.options.loadable:
            m.d.comb += core.load.eq(link.load)
        m.d.sync += core.reset.eq(self.hold | test.restart | link.core_reset)
        with m.If(core.result.valid):
            m.d.sync += self.label.eq(core.result.payload.label)
        return m


def bit_cycles(clock_hz: float, baud: float) -> int:
    """Clock cycles of a bit at ``baud``, or at its half, third and so on, where that is no whole number of them."""
    part = 1
    while (cycles := round(part * clock_hz / baud)) < LEAST_CYCLES or abs(
        cycles * baud / (part * clock_hz) - 1
    ) > TOLERANCE:
        part += 1
    return cycles


def about(core: Core, clock_hz: float, baud: float) -> dict[str, object]:
    """What a device says of itself when asked; `docs/protocol.md` lists it."""
    chip, options, layers = core.chip, core.options, len(core.chip.layers)
    said: dict[str, object] = {
        "protocol": protocol.VERSION,
        "captwin": version("captwin"),
        "build_id": f"{chip.build_id:016x}",
        "sizes": list(chip.sizes),
        "steps": chip.encoder.steps,
        "clock_hz": round(clock_hz),
        "baud": round(baud),
        "images": core.IN_FLIGHT,
    }
    if options.trace:
        said["trace"] = True
    if options.loadable:
        said["room"] = {
            "sizes": list(chip.sizes),
            "steps": chip.encoder.steps,
            "encoder": chip.encoder.kind,
            "formats": asdict(chip.formats),
            "shifts": [layer.shift for layer in chip.layers],
            "pixel_lanes": options.pixel_lanes,
            "row_banks": list(options.each("row_banks", layers)),
            "lanes": list(options.each("lanes", layers)),
            "serial": options.serial,
            "tables": tables_in(chip, options),
            "stores": layout(core),
        }
    return said


def tables_in(chip: Chip, options: CoreOptions) -> int:
    """How many neuron tables a core of ``chip`` has: a serial one has one if that is that of all layers."""
    return len(own_tables(chip.layers)) if options.serial else len(chip.layers)


def layout(core: Core) -> str:
    """A hash of what stores ``core`` has: those who agree in it mean the same by a store's number."""
    stores = [(entry.name, entry.width, len(entry.words)) for entry in core.contents]
    return sha256(json.dumps(stores).encode()).hexdigest()[:16]
