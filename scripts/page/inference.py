"""One image on its way through the chip."""

from captwin.scripts.page.blocks import Section
from captwin.scripts.page.drawing import drawing
from captwin.scripts.page.measured import Measured
from captwin.sim.plots.chips.inference import draw_inference
from captwin.sim.plots.style import style


def section(measured: Measured) -> Section:
    """The first test image: the one with which the board tests itself."""
    image, truth = measured.dataset.test_images[0], int(measured.dataset.test_labels[0])
    with style():
        figure = draw_inference(measured.chip, image, truth=truth)
    lead = "The first test image, with which the board tests itself, step by step in the golden model."
    caption = "Image, spikes of pixels and layers, membranes of the output neurons, output spikes."
    return Section("inference", "One inference", lead, [drawing(figure, "inference", caption)])
