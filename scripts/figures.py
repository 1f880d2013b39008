"""Draws the pictures of the documents from the pre-trained digits chip: ``make figures``."""

from pathlib import Path

from hw.core import CoreOptions
from scripts.output import log
from sim.plot import plot_inference
from sim.rtl.runner import simulate
from sim.rtl.waves import plot_core
from train.data import load_dataset
from train.zoo import load_chip

FOLDER = Path("docs/images")


def main() -> None:
    """One inference of the first test image: in the golden model, and as a waveform of the gates."""
    chip, dataset = load_chip("digits"), load_dataset("digits")
    images, options = dataset.test_images[:1], CoreOptions()
    plot_inference(chip, images[0], FOLDER / "inference.png", truth=int(dataset.test_labels[0]))
    gates = simulate(chip, images, Path("build/figures"), options=options, waves=True)
    assert gates.waveform is not None
    cycles = int(gates.latency_cycles[0]) + 20
    plot_core(gates.waveform, chip, FOLDER / "waveform.png", lanes=options.lanes, cycles=cycles)
    log.print(f"figures: wrote {FOLDER}")


if __name__ == "__main__":
    main()
