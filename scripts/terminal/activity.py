"""What verbs say of a chip whose neurons are silent, always on, or driven beyond their table."""

from collections.abc import Iterable

from captwin.scripts.terminal.output import Row, log
from captwin.sim.activity import Activity


def activity_rows(activity: Activity) -> list[Row]:
    """A row a layer, and the same for machines."""
    rows = [
        Row("activity_images", activity.images, "", ""),
        Row("dead_inputs", activity.dead_inputs, "pixels that never spike", f"{100 * activity.dead_inputs:.1f} %"),
        Row("wordless_images", activity.wordless, "images without output spike", f"{100 * activity.wordless:.1f} %"),
    ]
    for number, layer in enumerate(activity.layers):
        text = (
            f"{100 * layer.spike_rate:.1f} % spikes; neurons: {100 * layer.silent:.0f} % silent,"
            f" {100 * layer.always_on:.0f} % always on; drives: {100 * layer.clamped:.1f} % clamped"
        )
        rows.append(Row("", None, f"activity of layer {number}", text))
    return [
        *rows,
        Row("spike_rates", [layer.spike_rate for layer in activity.layers], "", ""),
        Row("silent_neurons", [layer.silent for layer in activity.layers], "", ""),
        Row("always_on_neurons", [layer.always_on for layer in activity.layers], "", ""),
        Row("clamped_drives", [layer.clamped for layer in activity.layers], "", ""),
        Row("warnings", activity.warnings(), "", ""),
    ]


def warn(lines: Iterable[str]) -> None:
    """Says warnings on stderr."""
    for line in lines:
        log.print(f"captwin: warning: {line}")
