"""The study as a picture: accuracy of each way of training over devices, a row of panels for each circuit."""

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from captwin.sim.devices.mapping_kinds import MAPPINGS
from captwin.train.studies.study import BASE_LEVELS, BASE_RATIO, Outcome

#: (label, colour, which outcomes)
TRAININGS: tuple[tuple[str, str, Callable[[Outcome], bool]], ...] = (
    ("ideal-trained on its ideal twin", "tab:gray", lambda o: o.trained == "ideal" and o.run_on == "ideal twin"),
    ("ideal-trained on the circuit", "tab:red", lambda o: o.trained == "ideal" and o.run_on == "circuit"),
    ("aware on the circuit", "tab:blue", lambda o: o.trained == "aware"),
    ("aware of spread too", "tab:green", lambda o: o.trained == "aware of spread"),
)
#: marker and line of each kind of mapping
STYLES = dict(zip(MAPPINGS, cycle((("s", "--"), ("o", "-"), ("^", ":"), ("D", "-."))), strict=False))


def draw_study(outcomes: list[Outcome], title: str) -> Figure:
    """A figure of ``outcomes``: points are means over seeds, bars reach from the worst seed to the best."""
    circuits = list(dict.fromkeys(outcome.circuit for outcome in outcomes))
    figure = Figure(figsize=(14, 3.6 * len(circuits) + 0.9), layout="constrained")
    figure.suptitle(title, parse_math=False)
    panels = figure.subplots(len(circuits), 3, squeeze=False, sharey="row")
    for row, circuit in zip(panels, circuits, strict=True):
        of_circuit = [outcome for outcome in outcomes if outcome.circuit == circuit]
        designed = [outcome for outcome in of_circuit if outcome.sigma_c == 0]
        _draw(row[0], [o for o in designed if o.ratio == BASE_RATIO], "levels", "levels of a memcapacitor")
        _draw(row[1], [o for o in designed if o.levels == BASE_LEVELS], "ratio", "C_on / C_off")
        base = [o for o in of_circuit if (o.levels, o.ratio) == (BASE_LEVELS, BASE_RATIO)]
        _draw(row[2], base, "sigma_c", "spread of the capacitances, sigma(C) / C [%]", 100)
        row[0].set_ylabel(f"{circuit}\ncorrect test images [%]")
    handles, labels = panels[0, 2].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def _draw(axes: Axes, outcomes: list[Outcome], along: str, label: str, scale: float = 1) -> None:
    for training, colour, chosen in TRAININGS:
        for mapping, (marker, line) in reversed(STYLES.items()):
            groups: dict[Any, list[float]] = {}
            for outcome in outcomes:
                if chosen(outcome) and outcome.mapping == mapping:
                    groups.setdefault(getattr(outcome, along), []).append(100 * outcome.accuracy)
            if not groups:
                continue
            at = sorted(groups)
            means = np.array([np.mean(groups[x]) for x in at])
            ends = np.array([[np.mean(groups[x]) - min(groups[x]), max(groups[x]) - np.mean(groups[x])] for x in at]).T
            axes.errorbar(
                [x * scale for x in at], means, ends, color=colour, marker=marker, ls=line, ms=5, lw=1.2, capsize=2,
                label=f"{training}, {mapping}",
            )  # fmt: skip
    if along != "sigma_c":
        values = sorted({getattr(outcome, along) for outcome in outcomes})
        axes.set_xscale("log", base=2 if along == "levels" else 10)
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
    axes.set_xlabel(label)
    axes.grid(alpha=0.3)
