"""Draws the pictures of the documents from the pre-trained digits chip and the netlists: ``make figures``."""

from pathlib import Path

from captwin.hw.gates.options import CoreOptions
from captwin.scripts.terminal.output import log
from captwin.sim.fidelity.compare import compare
from captwin.sim.neurons.circuits import load_circuit
from captwin.sim.plots.chips.fidelity import plot_chains
from captwin.sim.plots.chips.inference import plot_inference
from captwin.sim.plots.chips.waveform import plot_core
from captwin.sim.plots.circuits.neuron import draw_table
from captwin.sim.plots.circuits.schematic import draw_schematic
from captwin.sim.plots.circuits.transient import plot_transient
from captwin.sim.plots.style import save_png, style
from captwin.sim.rtl.simulate import simulate
from captwin.sim.schematic.elements import read_subcircuits
from captwin.sim.spice.benches.bench import SPICE_CIRCUITS, find_netlist
from captwin.sim.spice.memory import default_cache
from captwin.sim.spice.source import read_source
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.zoo import load_chip

FOLDER = Path("docs/images")


def main() -> None:
    """One inference of the first test image, in the golden model and as a waveform; each circuit in ngspice."""
    chip, dataset = load_chip("digits"), load_dataset("digits")
    images, options = dataset.test_images[:1], CoreOptions()
    plot_inference(chip, images[0], FOLDER / "inference.png", truth=int(dataset.test_labels[0]))
    gates = simulate(chip, images, Path("build/figures"), options=options, waves=True)
    assert gates.waveform is not None
    cycles = int(gates.latency_cycles[0]) + 20
    plot_core(
        gates.waveform, chip, FOLDER / "waveform.png", lanes=options.each("lanes", len(chip.layers)), cycles=cycles
    )
    with style():
        save_png(draw_table(load_circuit("pass_transistor")), FOLDER / "table.png")
        devices = read_subcircuits(read_source(find_netlist("gf180_charge_share"), "netlist"))["neuron"]
        save_png(draw_schematic(devices.blocks), FOLDER / "devices.png")
    for circuit in SPICE_CIRCUITS:
        plot_transient(circuit, FOLDER / f"transient_{circuit}.png")
    columns = compare(chip, dataset.test_images[:3], neurons=24, cache=default_cache())
    plot_chains(columns, FOLDER / "fidelity.png")
    log.print(f"figures: wrote {FOLDER}")


if __name__ == "__main__":
    main()
