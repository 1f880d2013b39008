"""Digital twin, in gates, of a memcapacitive spiking neural network chip.

The names below are the public interface; ``docs/python.md`` has an example of each. A name is imported when it is first
used, so that ``import captwin`` takes no time. The modules behind the names may move between releases; the names stay.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from captwin.boards.catalogue import find_board
    from captwin.boards.flow.build import build as build_bitstream
    from captwin.boards.host.device import Device
    from captwin.boards.sizing.fit import size_core
    from captwin.hw.chip import Chip
    from captwin.hw.gates.core import Core
    from captwin.hw.gates.options import CoreOptions
    from captwin.hw.support.errors import CaptwinError
    from captwin.hw.verilog import write_verilog
    from captwin.sim.corners import chip_corners as evaluate_corners
    from captwin.sim.dither import dithered as dither_chip
    from captwin.sim.evaluate import evaluate
    from captwin.sim.expected import expect as expect_answer
    from captwin.sim.fidelity.compare import compare as compare_columns
    from captwin.sim.golden import run as run_golden
    from captwin.sim.neurons.circuits import circuit_conditions, load_circuit, under_conditions
    from captwin.sim.noise import Noise
    from captwin.sim.rtl.companions import Companions
    from captwin.sim.rtl.twin import build as compile_gates
    from captwin.sim.rtl.verify import verify
    from captwin.sim.rtl.virtual import VirtualBoard
    from captwin.sim.spice.benches.bench import open_bench
    from captwin.sim.spice.characterize import characterize
    from captwin.train.config import load_config
    from captwin.train.datasets.catalogue import load_dataset
    from captwin.train.loop import train as train_chip
    from captwin.train.zoo import load_chip

__all__ = [
    "CaptwinError",
    "Chip",
    "Companions",
    "Core",
    "CoreOptions",
    "Device",
    "Noise",
    "VirtualBoard",
    "build_bitstream",
    "characterize",
    "circuit_conditions",
    "compare_columns",
    "compile_gates",
    "dither_chip",
    "evaluate",
    "evaluate_corners",
    "expect_answer",
    "find_board",
    "load_chip",
    "load_circuit",
    "load_config",
    "load_dataset",
    "open_bench",
    "run_golden",
    "size_core",
    "train_chip",
    "under_conditions",
    "verify",
    "write_verilog",
]

#: each public name to the module that it comes from, and to its name there
PUBLIC = {
    "CaptwinError": ("captwin.hw.support.errors", "CaptwinError"),
    "Chip": ("captwin.hw.chip", "Chip"),
    "Companions": ("captwin.sim.rtl.companions", "Companions"),
    "Core": ("captwin.hw.gates.core", "Core"),
    "CoreOptions": ("captwin.hw.gates.options", "CoreOptions"),
    "Device": ("captwin.boards.host.device", "Device"),
    "Noise": ("captwin.sim.noise", "Noise"),
    "VirtualBoard": ("captwin.sim.rtl.virtual", "VirtualBoard"),
    "build_bitstream": ("captwin.boards.flow.build", "build"),
    "characterize": ("captwin.sim.spice.characterize", "characterize"),
    "circuit_conditions": ("captwin.sim.neurons.circuits", "circuit_conditions"),
    "compare_columns": ("captwin.sim.fidelity.compare", "compare"),
    "compile_gates": ("captwin.sim.rtl.twin", "build"),
    "dither_chip": ("captwin.sim.dither", "dithered"),
    "evaluate": ("captwin.sim.evaluate", "evaluate"),
    "evaluate_corners": ("captwin.sim.corners", "chip_corners"),
    "expect_answer": ("captwin.sim.expected", "expect"),
    "find_board": ("captwin.boards.catalogue", "find_board"),
    "load_chip": ("captwin.train.zoo", "load_chip"),
    "load_circuit": ("captwin.sim.neurons.circuits", "load_circuit"),
    "load_config": ("captwin.train.config", "load_config"),
    "load_dataset": ("captwin.train.datasets.catalogue", "load_dataset"),
    "open_bench": ("captwin.sim.spice.benches.bench", "open_bench"),
    "run_golden": ("captwin.sim.golden", "run"),
    "size_core": ("captwin.boards.sizing.fit", "size_core"),
    "train_chip": ("captwin.train.loop", "train"),
    "under_conditions": ("captwin.sim.neurons.circuits", "under_conditions"),
    "verify": ("captwin.sim.rtl.verify", "verify"),
    "write_verilog": ("captwin.hw.verilog", "write_verilog"),
}


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = PUBLIC[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value  # so that this function is not asked again
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
