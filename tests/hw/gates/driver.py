"""Runs a component in Amaranth's simulator with a source or a sink on each of its streams, pausing at random."""

import random
from collections.abc import Callable
from typing import Any

from amaranth.hdl import Value
from amaranth.sim import Simulator

PATIENCE = 5_000


def number(count: int) -> Callable[[list[int]], bool]:
    """Complete with so many payloads."""
    return lambda received: len(received) == count


def exchange(
    component: Any,
    inputs: dict[Any, list[int]],
    outputs: dict[Any, Callable[[list[int]], bool]],
    *,
    stall: float,
    seed: int,
) -> list[list[int]]:
    """Sends the payloads of ``inputs`` (stream -> payloads as bits) and collects from each of ``outputs`` until its
    function says of what has come that this is all.

    Returns the payloads received, stream by stream. Fails when a stream is silent for PATIENCE cycles.
    """
    received: list[list[int]] = [[] for _ in outputs]
    simulator = Simulator(component)
    simulator.add_clock(1e-8)

    async def source(ctx: Any, stream: Any, payloads: list[int], dice: random.Random) -> None:
        for payload in payloads:
            while dice.random() < stall:
                await ctx.tick()
            ctx.set(Value.cast(stream.payload), payload)
            ctx.set(stream.valid, 1)
            while not (await ctx.tick().sample(stream.ready))[2]:
                pass
            ctx.set(stream.valid, 0)

    async def sink(
        ctx: Any, stream: Any, complete: Callable[[list[int]], bool], into: list[int], dice: random.Random
    ) -> None:
        while not complete(into):
            while dice.random() < stall:
                await ctx.tick()
            ctx.set(stream.ready, 1)
            for _ in range(PATIENCE):
                _, _, valid, payload = await ctx.tick().sample(stream.valid, Value.cast(stream.payload))
                if valid:
                    break
            else:
                raise AssertionError(f"seed {seed}: nothing came any more, received {[len(got) for got in received]}")
            into.append(payload)
            ctx.set(stream.ready, 0)

    def launch(process: Any, *arguments: Any, background: bool) -> None:
        dice = random.Random(f"{seed} {len(launched)}")
        launched.append(process)

        async def testbench(ctx: Any) -> None:
            await process(ctx, *arguments, dice)

        simulator.add_testbench(testbench, background=background)

    launched: list[Any] = []
    for stream, payloads in inputs.items():
        launch(source, stream, payloads, background=True)
    for (stream, complete), into in zip(outputs.items(), received, strict=True):
        launch(sink, stream, complete, into, background=False)
    simulator.run()
    return received
