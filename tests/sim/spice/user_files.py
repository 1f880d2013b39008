"""The reference netlist, to be changed as users change theirs, and what comes of it."""

from pathlib import Path

from captwin.sim.spice.benches.bench import NETLISTS, Point, open_bench

NETLIST = (NETLISTS / "charge_share.cir").read_text()

REST = [Point(0.72, 0.02, False)]


def with_lines(text: str) -> str:
    """The reference netlist with ``text`` at its end."""
    return f"{NETLIST}\n{text}\n"


def simulated(netlist: Path, models: Path | None = None):
    """The parameters read, and one cycle; :class:`CaptwinError` if refused."""
    bench = open_bench("own", netlist=netlist, models=models)
    return bench.parameters, bench.simulate(REST)[0]
