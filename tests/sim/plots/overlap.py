"""Whether texts and legends of a figure lie upon each other."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of titles, axis labels and legends that share pixels, by what they say."""
    FigureCanvasAgg(figure).draw()
    boxes = []
    for axes in figure.axes:
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
            if text.get_text():
                boxes.append((text.get_text(), text.get_window_extent()))
        if legend := axes.get_legend():
            boxes.append(("legend of " + axes.get_title(), legend.get_window_extent()))
    if figure.get_suptitle():
        boxes.append((figure.get_suptitle(), figure._suptitle.get_window_extent()))
    boxes += [("legend of the figure", legend.get_window_extent()) for legend in figure.legends]
    return [(a, b) for (a, first), (b, second) in combinations(boxes, 2) if first.overlaps(second)]
