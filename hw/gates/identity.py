"""Which chip a core is."""

from amaranth import Module, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from captwin.hw.chip import Chip
from captwin.hw.gates.stores import Contents, Stores, load_port

BUILD_ID_BITS = 64


class Identity(wiring.Component):
    """Holds :attr:`Chip.build_id`, which can be written by ``load`` if ``stores_from`` says what number it
    has."""

    def __init__(self, chip: Chip, stores_from: int | None = None) -> None:
        self.stores_from = stores_from
        self.contents = [Contents("build_id", BUILD_ID_BITS, [chip.build_id])]
        super().__init__({"build_id": Out(BUILD_ID_BITS)} | load_port(stores_from))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stores = Stores.of(m, self, self.contents)
        held = stores.register("build_id", data.StructLayout({"number": BUILD_ID_BITS}))
        m.d.comb += self.build_id.eq(Value.cast(held))
        return m
