"""PLL dividers: what comes nearest to a wanted frequency, and what it then really is."""

from collections.abc import Iterator
from dataclasses import dataclass

from captwin.hw.support.errors import CaptwinError


@dataclass(frozen=True)
class Pll:
    """Divider settings by the names of the vendor's primitive, and the frequency that they give."""

    output_hz: float
    settings: dict[str, int]


def ecp5(input_hz: float, wanted_hz: float) -> Pll:
    """EHXPLLL with feedback from CLKOP (Lattice FPGA-TN-02200): f = in * CLKFB_DIV / CLKI_DIV."""

    def candidates() -> Iterator[Pll]:
        for reference in range(1, 129):
            if not 3.125e6 <= input_hz / reference <= 400e6:
                continue
            for feedback in range(1, 81):
                output = input_hz * feedback / reference
                post = min(max(round(600e6 / output), 1), 128)  # the middle of what the VCO can do
                if 400e6 <= output * post <= 800e6:
                    yield Pll(output, {"CLKI_DIV": reference, "CLKFB_DIV": feedback, "CLKOP_DIV": post})

    return _nearest(candidates(), input_hz, wanted_hz, "ECP5")


def ice40(input_hz: float, wanted_hz: float) -> Pll:
    """SB_PLL40 with simple feedback (Lattice FPGA-TN-02052): f = in * (DIVF + 1) / ((DIVR + 1) * 2**DIVQ)."""

    def candidates() -> Iterator[Pll]:
        for divr in range(16):
            phase = input_hz / (divr + 1)
            if not 10e6 <= phase <= 133e6:
                continue
            for divf in range(128):
                vco = phase * (divf + 1)
                if 533e6 <= vco <= 1066e6:
                    for divq in range(1, 7):
                        settings = {"DIVR": divr, "DIVF": divf, "DIVQ": divq, "FILTER_RANGE": _filter(phase)}
                        yield Pll(vco / (1 << divq), settings)

    return _nearest(candidates(), input_hz, wanted_hz, "iCE40")


def gowin(input_hz: float, wanted_hz: float) -> Pll:
    """rPLL of the GW1N-9C (Gowin UG286): f = in * (FBDIV_SEL + 1) / (IDIV_SEL + 1)."""

    def candidates() -> Iterator[Pll]:
        for idiv in range(64):
            if not 3e6 <= input_hz / (idiv + 1) <= 400e6:
                continue
            for fbdiv in range(64):
                output = input_hz * (fbdiv + 1) / (idiv + 1)
                for odiv in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                    if 400e6 <= output * odiv <= 1200e6:
                        yield Pll(output, {"IDIV_SEL": idiv, "FBDIV_SEL": fbdiv, "ODIV_SEL": odiv})
                        break

    return _nearest(candidates(), input_hz, wanted_hz, "Gowin")


def _filter(phase_hz: float) -> int:
    """FILTER_RANGE of the iCE40's loop filter, from the frequency at its phase detector."""
    limits = (17e6, 26e6, 44e6, 66e6, 101e6)
    return 1 + sum(phase_hz >= limit for limit in limits)


def _nearest(candidates: Iterator[Pll], input_hz: float, wanted_hz: float, family: str) -> Pll:
    best = min(candidates, key=lambda pll: (abs(pll.output_hz - wanted_hz), sum(pll.settings.values())), default=None)
    if best is None or abs(best.output_hz - wanted_hz) > 0.05 * wanted_hz:
        raise CaptwinError(
            f"clock: the {family} PLL cannot make {wanted_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz; "
            "choose another with --clock"
        )
    return best
