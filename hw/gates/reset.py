"""A reset that reaches far: each part has a register of its own that carries it on."""

from typing import Any

from amaranth import Module, ResetInserter, Signal, Value

from captwin.hw.gates.streams import COPY


def reset_by_register(m: Module, name: str, part: Any, reset: Value) -> Any:
    """``part``, reset by ``reset`` of the cycle before: no net leads to all the parts, and each may lie anywhere."""
    copy = Signal(name=f"reset_{name}", reset_less=True, attrs=COPY)
    m.d.sync += copy.eq(reset)
    return ResetInserter(copy)(part)
