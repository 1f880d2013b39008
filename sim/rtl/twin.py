"""A core as a program that runs images by itself: its Verilog, compiled with the driver ``twin.cpp``.

The program takes images on stdin and writes every number that leaves the core on stdout: nothing crosses into Python
while the clock runs. :mod:`captwin.sim.rtl.verify` runs it beside the golden model.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Field, Sidecar
from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError
from captwin.sim.rtl.design import Design, own_design
from captwin.sim.rtl.program import compile_program

DRIVER = Path(__file__).with_name("twin.cpp")
#: of the numbers that the driver reads
NUMBER_BITS = 64


@dataclass(frozen=True)
class Twin:
    """A compiled core: its program and the sidecar of its Verilog."""

    program: Path
    sidecar: Sidecar
    cached: bool  #: whether the program stood ready from an earlier build
    build_seconds: float  #: wall time of writing the Verilog and compiling it

    @property
    def sum_bytes(self) -> int:
        """Width of a sum among the program's numbers."""
        return _sum_bits(self.sidecar) // 8


def build(chip: Chip, options: CoreOptions = CoreOptions()) -> Twin:  # noqa: B008 (frozen)
    """The compiled core of ``chip``, with traces; from the cache if nothing that matters has changed.

    Raises :class:`CaptwinError` if tools are missing or fail.

    >>> captwin.compile_gates(captwin.load_chip("digits-tiny")).sidecar.sizes
    (64, 10)
    """
    start = perf_counter()
    twin = compile_design(own_design(chip, replace(options, trace=True)))
    return replace(twin, build_seconds=perf_counter() - start)


def compile_design(design: Design) -> Twin:
    """The compiled core of any Verilog; errors as :func:`build`."""
    start = perf_counter()
    files = {**design.files, "layout.h": layout_header(design.sidecar), "driver.cpp": DRIVER.read_text()}
    program, ready = compile_program(design.sidecar.top, files)
    return Twin(program, design.sidecar, ready, perf_counter() - start)


def layout_header(sidecar: Sidecar) -> str:
    """``layout.h``: sizes, and where each number lies in the ports, for ``driver.cpp``."""
    fields = {port.name: {field.name: field for field in port.fields} for port in sidecar.ports}
    sizes, options = sidecar.sizes, sidecar.options

    def array(port: str, name: str, count: int) -> str:
        return "{{" + ", ".join(_field(fields[port][f"{name}[{n}]"]) for n in range(count)) + "}}"

    result, counters, classes = "result__payload", [_field(each) for each in fields["counters"].values()], sizes[-1]
    lines = [f"using Sum = int{_sum_bits(sidecar)}_t;"]
    for name, number in (
        ("LAYERS", len(sizes) - 1),
        ("TRACES", (len(sizes) - 1) * options.trace),
        ("STEPS", sidecar.steps),
        ("PIXELS", sizes[0]),
        ("PIXEL_LANES", options.pixel_lanes),
        ("CLASSES", classes),
    ):
        lines.append(f"constexpr size_t {name} = {number};")
    for name, field in (("LABEL", "label"), ("DECIDED", "steps"), ("CYCLES", "cycles")):
        lines.append(f"constexpr Field {name}{_field(fields[result][field])};")
    for name in ("counts", "membranes"):
        lines.append(f"constexpr std::array<Field, CLASSES> {name.upper()}{array(result, name, classes)};")
    lines.append(f"constexpr std::array<Field, {len(counters)}> COUNTERS{{{{{', '.join(counters)}}}}};")
    lines.append("template <size_t N>\nstruct Layer;")
    traced = zip(sizes[1:], sidecar.trace_lanes, strict=True) if options.trace else ()
    for number, (columns, lanes) in enumerate(traced):
        port = f"trace{number}__payload"
        spikes = fields[port]["spikes"]
        if spikes.width != lanes:
            raise CaptwinError(f"sidecar: {port} has {spikes.width} spikes, a word of {lanes} neurons has {lanes}")
        lines += [
            f"template <>\nstruct Layer<{number}> {{",
            f"    static constexpr size_t columns = {columns}, lanes = {lanes}, words = {-(-columns // lanes)};",
            f"    static constexpr size_t spikes = {spikes.lsb};",
            f"    static constexpr Field last{_field(fields[port]['last'])};",
            *(
                f"    static constexpr std::array<Field, lanes> {name}{array(port, name, lanes)};"
                for name in ("sums", "drives", "membranes")
            ),
            *(
                # Verilator spells a name's two underscores so.
                f"    static auto& {name}(Vcore& core) {{ return core.trace{number}___05F{name}; }}"
                for name in ("payload", "valid", "ready")
            ),
            "};",
        ]
    return "\n".join(lines) + "\n"


def _field(field: Field) -> str:
    if field.width > NUMBER_BITS:
        raise CaptwinError(f"sidecar: {field.name} has {field.width} bits, a number has {NUMBER_BITS} at most")
    return f"{{{field.lsb}, {field.width}, {str(field.signed).lower()}}}"


def _sum_bits(sidecar: Sidecar) -> int:
    traces = [port.fields for port in sidecar.ports if port.name.startswith("trace")]
    widest = max((field.width for fields in traces for field in fields if field.name.startswith("sums")), default=0)
    return 32 if widest <= 32 else 64
