"""From a circuit to its neuron table: surfaces on a grid, threshold curves by bisection."""

import inspect
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np

from hw.errors import CaptwinError
from sim.analog.digest import sha256_of
from sim.analog.formulas import CIRCUITS, Circuit
from sim.analog.table import NeuronTable

POINTS = 65
BISECTIONS = 40


def sample(circuit: Circuit, points: int = POINTS) -> NeuronTable:
    """Characterises ``circuit`` on ``points`` x ``points`` values of membrane and drive."""
    v = np.linspace(*circuit.v_range, points)
    u = np.linspace(*circuit.u_range, points)
    grid = np.meshgrid(v, u, indexing="ij")
    energies = [circuit.energy(*grid, fired) for fired in (False, True)]
    return NeuronTable(
        circuit=circuit.name,
        corner="typical",
        temperature=circuit.temperature,
        supply=circuit.supply,
        date=date.today().isoformat(),
        source_sha256=sha256_of([inspect.getsource(type(circuit)), asdict(circuit)]),
        c_column=circuit.c_column,
        c_membrane=circuit.c_membrane,
        v_rest=circuit.v_ref,
        v=v,
        u=u,
        surfaces=np.stack([circuit.step(*grid, fired) for fired in (False, True)]),
        thresholds=np.stack([_threshold(circuit, v, fired) for fired in (False, True)]),
        energy=None if energies[0] is None else np.stack([e for e in energies if e is not None]),
    )


def load_circuit(name_or_path: str) -> NeuronTable:
    """The table of a reference circuit by its name, or the table file at a path."""
    if name_or_path in CIRCUITS:
        return sample(CIRCUITS[name_or_path]())
    if name_or_path in (tables := _tables()):
        return NeuronTable.load(tables[name_or_path])
    if not Path(name_or_path).is_file():
        known = ", ".join([*CIRCUITS, *tables])
        raise CaptwinError(f"circuit: no table file {name_or_path!r}, nor a reference circuit; those are {known}")
    return NeuronTable.load(name_or_path)


def _tables() -> dict[str, Path]:
    """Committed tables, measured in ngspice: file by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "tables").glob("*.json"))}


def _threshold(circuit: Circuit, v: np.ndarray, fired: bool) -> np.ndarray:
    """Least drive of the table's range that makes a spike, for each ``v``; infinity where none does."""
    low, high = np.full_like(v, circuit.u_range[0]), np.full_like(v, circuit.u_range[1])
    always, ever = circuit.fires(v, low, fired), circuit.fires(v, high, fired)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        spike = circuit.fires(v, middle, fired)
        low, high = np.where(spike, low, middle), np.where(spike, middle, high)
    return np.where(always, circuit.u_range[0], np.where(ever, high, np.inf))
