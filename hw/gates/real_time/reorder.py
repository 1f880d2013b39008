"""Puts the time steps of images from one order of a :class:`Schedule` into the other."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory

from captwin.hw.gates.real_time.schedule import Schedule
from captwin.hw.gates.streams import COPY, Pipeline

#: bits of the words that have addresses of their own: one register would not reach all of them in time
PART = 96


def to_loop(m: Module, name: str, schedule: Schedule, control: Pipeline, stage: int, word: Any) -> tuple[Any, Pipeline]:
    """``word`` of ``stage``, in the order of images, in the order of the loop.

    ``control`` has ``valid`` and ``first`` in ``stage``. Returns the word, and a pipeline of its control signals, which
    has ``valid`` and ``step`` in stage 0. The word is there in stage 1: an image's first step 2 cycles after ``stage``.
    """
    later = Pipeline(m, f"{name}_loop_", resets=True)
    step = Signal(range(max(schedule.steps, 2)), name=f"{name}_loop_step")
    first = control["valid", stage] & control["first", stage]
    following = Mux(first, 0, _advanced(step, schedule.advance, schedule.steps))
    m.d.sync += step.eq(following)
    delays = [1 + number * (schedule.loop - 1) for number in range(schedule.steps)]
    later["valid", 0] = Array([control["valid", stage + delay] for delay in delays])[step]
    later["step", 0] = step
    late = Signal(range(_depth(schedule)), name=f"{name}_late")  # of the step that is read in the next cycle
    m.d.comb += late.eq(Array([Const(delay) for delay in delays])[following])
    parts = []
    for start in range(0, len(word), PART):
        place, read = (Signal(late.shape(), name=f"{name}_{end}{start}", attrs=COPY) for end in ("place", "read"))
        m.d.sync += [place.eq(place + 1), read.eq(place + 1 - late)]
        parts.append(_memory(m, f"{name}_to_loop{start}", place, word[start : start + PART], read))
    return Cat(parts), later


def to_images(m: Module, name: str, schedule: Schedule, control: Pipeline, stage: int, word: Any) -> tuple[Any, Signal]:
    """``word`` of ``stage``, in the order of the loop, in the order of images, and whether it is valid.

    ``control`` has ``valid`` and ``step`` in ``stage``. An image's last step is 2 cycles behind ``stage``.
    """
    steps = schedule.steps
    step = Signal(range(max(steps, 2)), name=f"{name}_image_step")
    first = control["valid", stage] & (control["step", stage] == 0)
    m.d.sync += step.eq(Mux(first, (schedule.loop - 1) % steps, _advanced(step, 1, steps)))
    place = Signal(range(_depth(schedule)), name=f"{name}_place")
    m.d.sync += place.eq(place + 1)
    late = Array([Const(number * (schedule.loop - 1)) for number in range(steps)])[control["step", stage]]
    delays = [1 + (steps - 1 - number) * (schedule.loop - 1) for number in range(steps)]
    valid = Signal(name=f"{name}_image_valid")
    m.d.sync += valid.eq(Array([control["valid", stage + delay] for delay in delays])[step])
    write, read = (place - late)[: len(place)], (place - schedule.spread - 1)[: len(place)]
    return _memory(m, f"{name}_to_images", write, word, read), valid


def _depth(schedule: Schedule) -> int:
    """Words, a power of two: a word is read before, not when, the next one is written to its place."""
    return 1 << (schedule.spread + 1).bit_length()


def _advanced(step: Signal, by: int, steps: int) -> Value:
    """``step`` + ``by``, modulo ``steps``."""
    total = step + by
    return Mux(total >= steps, total - steps, total)[: len(step)]


def _memory(m: Module, name: str, write: Value, word: Any, read: Value) -> Any:
    """What was written to the address ``read`` of a memory that ``word`` is written to, a cycle later."""
    value = Value.cast(word)
    m.submodules[name] = kept = memory.Memory(shape=len(value), depth=1 << len(write), init=[])
    port, source = kept.write_port(), kept.read_port()
    m.d.comb += [port.addr.eq(write), port.data.eq(value), port.en.eq(1), source.addr.eq(read)]
    return source.data
