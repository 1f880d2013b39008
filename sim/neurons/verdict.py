"""A neuron table's circuit in a few figures: thresholds, leak, reset, and whether any network can work on it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from captwin.sim.neurons.table import NeuronTable, TableError

#: cycles after which a neuron that has not changed its mind is taken to go on forever
CYCLES_ALONE = 64
#: a threshold above this share of the drives leaves little room for drives that are clearly above it
CROWDED = 0.5
#: V of membrane over which slopes are taken, as a share of the v axis
_SLOPE_SHARE = 1 / 32


@dataclass(frozen=True)
class Verdict:
    """What a table says of its neuron; a figure is None where no drive of the table makes a spike."""

    threshold: float | None  #: V of drive, least drive that makes a spike from rest
    threshold_after_spike: float | None  #: V of drive, least drive that makes another in the cycle after that spike
    hysteresis: (
        float | None
    )  #: V of drive by which a spike in the cycle before raises the threshold of a membrane at rest
    drive_share: float | None  #: threshold from rest, as a share of the table's highest drive
    leak: float  #: share of the membrane's distance from rest that a cycle without drive takes
    rest_shift: float  #: V of membrane that a cycle without drive adds to a membrane at rest
    reset_left: float  #: share of the spiking membrane that the next cycle leaves: slope of F_1 over v; 0 is perfect
    reset_error: float  #: V of membrane from rest to where that cycle leaves the membrane, without drive
    one_sided: float  #: share of the threshold curves' points at which all drives of the table spike, or none
    membranes_outside: float  #: share of the table's cycles that can occur which end beyond its v axis
    fatal: str | None  #: why no network can work on this table
    warnings: tuple[str, ...]  #: what else its designer should know, a sentence each


def judge(table: NeuronTable) -> Verdict:
    """The verdict on ``table``, computed from it alone."""
    firing = _firing_drive(table, table.v_rest, fired=False)
    spiked = _membrane_after_spike(table)
    at_rest = _firing_drive(table, table.v_rest, fired=True)
    outside = _outside(table)
    one_sided = np.isinf(table.thresholds) | (table.thresholds <= table.u[0])
    return Verdict(
        threshold=firing,
        threshold_after_spike=None if firing is None else _firing_drive(table, spiked, fired=True),
        hysteresis=None if firing is None or at_rest is None else at_rest - firing,
        drive_share=None if firing is None else _drive_share(table, firing),
        leak=1 - _membrane_slope(table, table.v_rest, fired=False),
        rest_shift=_membrane_after(table, table.v_rest, 0.0, fired=False) - table.v_rest,
        reset_left=_membrane_slope(table, spiked, fired=True),
        reset_error=_membrane_after(table, spiked, 0.0, fired=True) - table.v_rest,
        one_sided=float(one_sided.mean()),
        membranes_outside=outside,
        fatal=_fatal(table),
        warnings=tuple(_warnings(table, outside)),
    )


def require_usable(table: NeuronTable) -> None:
    """Raises :class:`TableError` with the reason, in one line, if no network can work on ``table``."""
    if fatal := _fatal(table):
        raise TableError(f"{table.circuit}: {fatal}")


def _fatal(table: NeuronTable) -> str | None:
    firing = _firing_drive(table, table.v_rest, fired=False)
    low, high = float(table.u[0]), float(table.u[-1])
    drives = f"{1e3 * low:.0f} to {1e3 * high:.0f} mV"
    if firing is None:
        reached = _membrane_after(table, table.v_rest, high, fired=False)
        return (
            f"never fires: no drive of the table, {drives}, makes the neuron spike from rest; its trip point lies above"
            f" {reached:.3f} V, where the highest drive takes the membrane; lower its threshold or widen u"
        )
    if _fires(table, table.v_rest, 0.0, fired=False):
        # Just below the threshold, since a spike may move the membrane.
        trip = _membrane_after(table, table.v_rest, firing - 1e-9, fired=False)
        least = f"is {1e3 * firing:.1f} mV, its trip point at"
        if firing <= low:
            least = "lies below all of them, its trip point below"
        return (
            f"fires without drive: of the table's drives, {drives}, its threshold at rest {least} {trip:.3f} V of"
            " membrane, so it spikes in every cycle that should be silent; raise its threshold or lower v_ref"
        )
    if all(_spikes_under(table, float(table.u[0]), _membrane_after_spike(table), fired=True)):
        return (
            f"stays on: once it has spiked, even {1e3 * table.u[0]:.0f} mV, the table's lowest drive, does not end its"
            " spikes; mend its reset, its latch or its hysteresis"
        )
    return None


def _outside(table: NeuronTable) -> float:
    """The share of the cycles at the axes' points that end beyond the v axis. Only cycles count that begin as earlier
    ones, from rest on, leave a neuron: one that did not fire cannot stand far above its threshold."""
    fires, after = table.u >= table.thresholds[:, :, None], table.after
    low, high = np.array([table.v_rest, np.inf]), np.array([table.v_rest, -np.inf])
    occurs = np.zeros(table.thresholds.shape, bool)
    while True:  # ends, since each round adds points of the axis
        first = np.searchsorted(table.v, low, side="right") - 1
        last = np.searchsorted(table.v, high, side="left")
        knots = np.arange(len(table.v))
        met = occurs | ((first[:, None] <= knots) & (knots <= last[:, None]))
        if (met == occurs).all():
            break
        occurs = met
        for spike in (0, 1):
            left = after[occurs[:, :, None] & (fires == spike)]
            low[spike], high[spike] = min([low[spike], *left]), max([high[spike], *left])
    begun = after[occurs]
    return float(((begun < table.v[0]) | (begun > table.v[-1])).mean())


def _warnings(table: NeuronTable, outside: float) -> Iterator[str]:
    if not table.u[0] < 0 < table.u[-1]:
        yield f"the u axis, {table.u[0]:g} to {table.u[-1]:g} V, should hold drives of both signs"
    firing = _firing_drive(table, table.v_rest, fired=False)
    if firing is None:
        return
    undriven = _spikes_under(table, 0.0, table.v_rest, fired=False)
    if any(undriven[1:]) and not undriven[0]:
        yield f"fires without drive in cycle {undriven.index(True) + 1} from rest: its membrane creeps upwards"
    if all(_spikes_under(table, 0.0, _membrane_after_spike(table), fired=True)):
        yield "stays on without drive: once it has spiked, it spikes in every cycle until a negative drive ends that"
    if _firing_drive(table, _membrane_after_spike(table), fired=True) is None:
        yield "no drive of the table makes it spike in two cycles in a row: drives leave the table"
    if _drive_share(table, firing) > CROWDED:
        yield "its threshold from rest takes more than half of the table's drives: drives may leave the table"
    if outside:
        yield f"membranes leave the table: {100 * outside:.1f} % of its cycles end beyond the v axis and are clipped"


def _drive_share(table: NeuronTable, firing: float) -> float:
    """The drive ``firing`` [V] as a share of the table's highest."""
    return firing / float(table.u[-1]) if table.u[-1] > 0 else 1.0


def _membrane_after(table: NeuronTable, v: float, u: float, *, fired: bool) -> float:
    """V, membrane after a cycle, within the v axis as a chip's is."""
    return float(np.clip(table.step(np.array([v]), np.array([u]), np.array([fired]))[0], table.v[0], table.v[-1]))


def _fires(table: NeuronTable, v: float, u: float, *, fired: bool) -> bool:
    """Whether a cycle from membrane ``v`` under the drive ``u`` [V] ends with a spike."""
    return bool(table.fires(np.array([v]), np.array([u]), np.array([fired]))[0])


def _firing_drive(table: NeuronTable, v: float, *, fired: bool) -> float | None:
    """V, least drive that makes a spike from membrane ``v``; None if no drive of the table does."""
    if not _fires(table, v, float(table.u[-1]), fired=fired):
        return None
    curve = table.thresholds[int(fired)]
    return float(np.interp(v, table.v, np.where(np.isinf(curve), table.u[-1], curve)))


def _membrane_after_spike(table: NeuronTable) -> float:
    """V, membrane after a spike from rest by the least drive that makes one; rest if none does."""
    firing = _firing_drive(table, table.v_rest, fired=False)
    return table.v_rest if firing is None else _membrane_after(table, table.v_rest, firing, fired=False)


def _membrane_slope(table: NeuronTable, v: float, *, fired: bool) -> float:
    """Of the membrane after a cycle without drive, over the membrane before it."""
    reach = _SLOPE_SHARE * float(table.v[-1] - table.v[0])
    low, high = max(v - reach, float(table.v[0])), min(v + reach, float(table.v[-1]))
    after_low, after_high = (_membrane_after(table, end, 0.0, fired=fired) for end in (low, high))
    return (after_high - after_low) / (high - low)


def _spikes_under(table: NeuronTable, u: float, v: float, *, fired: bool) -> list[bool]:
    """Spikes of CYCLES_ALONE cycles from membrane ``v``, all under the drive ``u``."""
    spikes: list[bool] = []
    for _ in range(CYCLES_ALONE):
        before = fired
        fired = _fires(table, v, u, fired=before)
        v = _membrane_after(table, v, u, fired=before)
        spikes.append(fired)
    return spikes
