"""Thermal noise of the circuit's capacitors."""

from contextlib import suppress

import numpy as np

from captwin.hw.chip import Formats
from captwin.hw.support.errors import CaptwinError
from captwin.scripts.datasheet.sheet import Sheet
from captwin.scripts.page.blocks import Block, Note, Section, Table
from captwin.sim.neurons.circuits import analog_of
from captwin.sim.neurons.quantise import quantise
from captwin.sim.noise import Noise, NoiseVolts, column_share, drive_noise, noise_volts


def section(sheet: Sheet) -> Section:
    """kT/C of each switch, where it arises and at the membrane."""
    table, analog = sheet.table, analog_of(sheet.table)
    share = float(column_share(analog, np.array([table.c_column]))[0])
    column, reset, transfer = _terms(sheet)
    rows = [
        ("column, when the precharge ends", f"{1e6 * column:.0f}", f"{1e6 * share * column:.0f}"),
        ("membrane, when the reset ends", f"{1e6 * reset:.0f}", f"{1e6 * (1 - share) * reset:.0f}"),
        ("membrane, when the transfer ends", f"{1e6 * transfer:.0f}", f"{1e6 * transfer:.0f}"),
    ]
    total = 1e6 * membrane_noise(sheet)
    rows.append(("a cycle without a spike before, in all", "", f"{total:.0f}"))
    caption = f"kT/C at {table.temperature:g} °C, RMS."
    blocks: list[Block] = [Table(("term", ">where it arises [µV]", ">at the membrane [µV]"), rows, caption)]
    with suppress(CaptwinError):  # of a neuron whose drive does not move its membrane
        drive = drive_noise(analog, table.c_column, quantise(table, Formats()), Noise())
        blocks.append(Note(f"To a decision from silence this is as {1e6 * drive:.0f} µV of drive."))
    blocks.append(
        Note(
            "Noise of comparator and reference is not in it: captwin evaluate CHIP --noise takes these as numbers, and "
            "docs/nonideal.md says where all terms come from."
        )
    )
    return Section("noise", "Noise", f"A silent cycle adds {total:.0f} µV RMS to the membrane.", blocks)


def membrane_noise(sheet: Sheet) -> float:
    """V RMS that kT/C adds to the membrane in a cycle without a spike before it."""
    share = column_share(analog_of(sheet.table), np.array([sheet.table.c_column]))
    return float(_volts(sheet).membrane(share)[0])


def _terms(sheet: Sheet) -> tuple[float, float, float]:
    """V RMS of column, reset and transfer."""
    volts = _volts(sheet)
    return float(volts.column[0]), float(volts.reset[0]), float(volts.transfer[0])


def _volts(sheet: Sheet) -> NoiseVolts:
    return noise_volts(analog_of(sheet.table), np.array([sheet.table.c_column]), Noise())
