"""Quantities for people: a number with the SI prefix that fits it."""

import math

_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """``value`` in ``unit`` with ``digits`` significant digits: ``quantity(6.741e-10, "J")`` is ``674.1 pJ``.

    Prefixes go from atto to giga; what is smaller or larger takes the last of them. Micro is written u.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    # Rounding may carry into the next prefix: 999.96 p is 1.000 n.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    power = min(max(exponent - exponent % 3, min(_PREFIXES)), max(_PREFIXES))
    decimals = max(digits - 1 - (exponent - power), 0)
    return f"{value / 10.0**power:.{decimals}f} {_PREFIXES[power]}{unit}"


def energy_text(joules: float) -> str:
    """An energy as every verb shows it: 33.88 nJ, 674.1 pJ, 58.30 fJ."""
    return quantity(joules, "J")
