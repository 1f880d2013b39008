"""A picture of how the chips of a fabrication run spread."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from captwin.sim.plots.style import save_png

GOOD, BAD, PROGRAMMED = "tab:blue", "tab:red", "0.25"


def plot_yield(accuracies: np.ndarray, nominal: float, spec: float, images: int, title: str, path: Path) -> None:
    """Draws, as PNG, how many chips have which accuracy, and which share reaches at least a given one.

    ``accuracies`` (chips,), ``nominal`` and ``spec`` are shares of ``images`` test images.
    """
    percent, middle, least = 100 * accuracies, 100 * nominal, 100 * spec
    good = accuracies >= spec
    shown = np.append(percent, [middle, least])
    margin = max(0.05 * np.ptp(shown), 0.1)
    low, high = shown.min() - margin, shown.max() + margin
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    figure.suptitle(title, parse_math=False)
    histogram, curve = figure.subplots(1, 2)

    width = max(100 / images, (high - low) / 24)  # bins narrower than one image would stand apart
    first, last = np.floor((low - middle) / width), np.ceil((high - middle) / width)
    histogram.hist(
        [percent[good], percent[~good]],
        bins=list(middle + width * (np.arange(first, last + 2) - 0.5)),
        stacked=True,
        color=[GOOD, BAD],
        label=["good", "below specification"],
        edgecolor="white",
        linewidth=0.6,
    )
    histogram.set(ylabel="chips", title="Chips by accuracy")
    histogram.yaxis.set_major_locator(MaxNLocator(integer=True))

    falling = np.sort(percent)[::-1]
    shares = 100 * np.arange(len(falling) + 1) / len(falling)
    curve.step(np.concatenate([falling[:1], falling, [low]]), [*shares, 100], where="post", color=GOOD)
    reached = 100 * good.mean()
    curve.plot(least, reached, "o", color=BAD, zorder=4, clip_on=False)
    below = reached > 15  # a falling curve leaves room below it on the left
    curve.annotate(
        f"yield {reached:.0f} %",
        (least, reached),
        textcoords="offset points",
        xytext=(-8, -8 if below else 8),
        ha="right",
        va="top" if below else "bottom",
        color=BAD,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )
    curve.set(ylabel="chips at least as good [%]", title="Yield", ylim=(0, 103))
    for axes in (histogram, curve):
        axes.axvline(middle, color=PROGRAMMED, linestyle="--", linewidth=1.2, label=f"as programmed, {middle:.2f} %")
        axes.axvline(least, color=BAD, linestyle=":", linewidth=1.4, label=f"specification, {least:.2f} %")
        axes.set(xlabel="accuracy [%]", xlim=(low, high))
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    histogram.legend(frameon=False, fontsize="small")
    save_png(figure, path)
