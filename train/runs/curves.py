"""The curves of a training run, as numbers and as a picture."""

import csv
import io
import json
from pathlib import Path

from captwin.hw.support.files import write_atomically
from captwin.sim.plots.style import save_png
from captwin.sim.plots.training import draw_curves

History = list[dict[str, float]]


def write_numbers(folder: Path, history: History) -> None:
    """Writes ``curves.csv``, and ``metrics.jsonl`` with a JSON object a line; ``history`` has one row an epoch, all
    with the same keys."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(folder / "curves.csv", text.getvalue())
    lines = (json.dumps(row | {"epoch": int(row["epoch"])}, allow_nan=False) for row in history)
    write_atomically(folder / "metrics.jsonl", "\n".join([*lines, ""]))


def write_picture(folder: Path, history: History, title: str) -> None:
    """Writes ``curves.png``."""
    save_png(draw_curves(history, title), folder / "curves.png", dpi=130)
