"""Figures as SVG that takes the page's fonts and colours, light or dark."""

import io
import re
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from captwin.scripts.page.blocks import Drawing
from captwin.sim.plots import style as plots

#: colours that figures are drawn in, and the page's for them
COLOURS = {
    "#000000": "var(--ink)",
    "#ffffff": "var(--paper)",
    "#1f77b4": "var(--blue)",  # tab:blue
    "#d62728": "var(--red)",  # tab:red
    "#ff7f0e": "var(--orange)",  # tab:orange
    "#2ca02c": "var(--green)",  # tab:green
    "#404040": "var(--ink)",  # 0.25
    "#e6e6e6": "var(--line)",  # 0.9
    "#808080": "var(--grey)",  # 0.5
    "#b2b2b2": "var(--faint)",  # 0.7
}
STYLE: dict[Any, Any] = {"savefig.transparent": True, "svg.fonttype": "none", "svg.image_inline": True}


def drawing(figure: Figure, name: str, caption: str) -> Drawing:
    """``figure`` for the page; ``name``, another for each figure, keeps the names inside the SVG apart."""
    buffer = io.StringIO()
    with matplotlib.rc_context(plots.STYLE | STYLE | {"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"| version="[^"]*"', "", svg, count=3)
    used = set(re.findall(r'#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda name: name[0] if name[1] in used else "", svg)  # the others are for editors
    svg = re.sub(r"(?<=[;\" ])font: [^;\"]*?([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"#[0-9a-f]{6}\b", lambda colour: COLOURS.get(colour[0], colour[0]), svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(caption)}" ', 1)
    return Drawing(svg.strip(), caption)
