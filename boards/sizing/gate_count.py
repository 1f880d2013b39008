"""What a block is made of, counted in the netlist that Amaranth makes of it, before any synthesis."""

import re
from dataclasses import dataclass

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable

_SUMS = ("$add", "$sub", "$neg")
_COMPARISONS = ("$lt", "$le", "$gt", "$ge")
_BITWISE = ("$and", "$or", "$xor")
_TESTS = ("$eq", "$ne", "$reduce_and", "$reduce_or", "$reduce_xor", "$reduce_bool")
_ZERO, _CONSTANT, _POWER = re.compile(r"\d+'0+"), re.compile(r"\d+'[01]*"), re.compile(r"\d+'0*10*")


@dataclass(frozen=True)
class Store:
    """A memory: ``depth`` words of ``width`` bits, read at ``reads`` places a cycle; without ``writes`` a constant."""

    width: int
    depth: int
    reads: int
    writes: int
    block: bool  #: block RAM is asked for
    constant: int  #: bits that are the same in every word, which synthesis finds; 0 with ``writes``
    name: str = ""
    soft: bool = False  #: no block RAM is allowed

    @property
    def bits(self) -> int:
        return self.width * self.depth

    @property
    def live(self) -> int:
        """Bits of a word that are not the same in all of them."""
        return self.width - self.constant


@dataclass(frozen=True)
class Gates:
    """Bits of each kind of logic in a netlist, nothing optimised."""

    flip_flops: int = 0
    sums: int = 0  #: of adders and of comparisons by size
    carries: int = 0  #: chains that these make
    choices: int = 0  #: of multiplexers, but for those that a flip-flop's enable or reset does
    enables: int = 0  #: of flip-flops with an enable
    masks: int = 0  #: of bitwise operators, and of multiplexers with zeros that no flip-flop's reset is
    tests: int = 0  #: that are compared, or reduced to one
    products: tuple[tuple[int, int], ...] = ()  #: widths of factors
    stores: tuple[Store, ...] = ()

    def __add__(self, other: "Gates") -> "Gates":
        return Gates(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def count(block: Elaboratable) -> Gates:
    """The gates of ``block`` and of all that it consists of."""
    total = Gates()
    for module in rtlil.convert(block, emit_src=False).split("\nmodule ")[1:]:
        total += _module(module)
    return total


def _module(text: str) -> Gates:
    """One module of RTLIL."""
    total = Gates()
    cells = [
        (kind, dict(re.findall(r"^    (?:parameter|connect) \\(\w+) (.*)$", body, re.MULTILINE)))
        for kind, body in re.findall(r"^  cell (\$\S+) \S+\n(.*?)^  end$", text, re.MULTILINE | re.DOTALL)
    ]
    # Of choices that are the same, synthesis makes one.
    once = {str((kind, fields | {"Y": ""})): (kind, fields) for kind, fields in cells if kind == "$mux"}
    cells = [cell for cell in cells if cell[0] != "$mux"] + list(once.values())
    inputs = {fields["D"] for kind, fields in cells if kind == "$dff"}
    for kind, fields in cells:
        total += _cell(kind, fields, resets=fields.get("Y") in inputs)
    registers = {fields["Q"].split(" ")[0] for kind, fields in cells if kind == "$dff"}
    for process in re.findall(r"^  process \S+\n(.*?)^  end$", text, re.MULTILINE | re.DOTALL):
        choices, enables = _choices(process, registers)
        total += Gates(choices=choices, enables=enables)
    contents = {fields["MEMID"]: fields["DATA"] for kind, fields in cells if kind == "$meminit_v2"}
    uses = [(kind, fields["MEMID"]) for kind, fields in cells if kind in ("$memrd_v2", "$memwr_v2")]
    for style, width, depth, name in re.findall(
        r'^(  attribute \\ram_style "block"\n)?  memory width (\d+) size (\d+) \\(\S+)$', text, re.MULTILINE
    ):
        reads, writes = (uses.count((kind, rf'"\\{name}"')) for kind in ("$memrd_v2", "$memwr_v2"))
        constant = 0 if writes else _constant(contents[rf'"\\{name}"'], int(width))
        total += Gates(stores=(Store(int(width), int(depth), reads, writes, bool(style), constant, name),))
    return total


def _constant(content: str, width: int) -> int:
    """Bits that are the same in all words of ``content``, a constant such as ``8'00110011``."""
    bits = content.partition("'")[2]
    words = [bits[start : start + width] for start in range(0, len(bits), width)]
    return sum(len(set(column)) == 1 for column in zip(*words, strict=True))


def _cell(kind: str, fields: dict[str, str], *, resets: bool) -> Gates:
    a, b, y = (int(fields.get(name, 0)) for name in ("A_WIDTH", "B_WIDTH", "Y_WIDTH"))
    if kind == "$dff":
        return Gates(flip_flops=int(fields["WIDTH"]))
    if kind in _SUMS and not any(_ZERO.fullmatch(fields.get(side, "")) for side in "AB"):
        return Gates(sums=min(y, max(a, b) + 1), carries=1)
    if kind in _COMPARISONS:
        return Gates(sums=max(a, b), carries=1)
    constant = [bool(_CONSTANT.fullmatch(fields.get(side, ""))) for side in "AB"]
    if kind == "$mul":
        shifts = any(_POWER.fullmatch(fields.get(side, "")) for side in "AB")
        return Gates() if shifts else Gates(products=((a, b),))
    if kind == "$mux":
        width = int(fields["WIDTH"])
        if all(constant):
            return Gates()
        if not any(_ZERO.fullmatch(fields[side]) for side in "AB"):
            return Gates(choices=width)
        return Gates() if resets else Gates(masks=width)
    if kind in _BITWISE:
        return Gates(masks=y)
    if kind in _TESTS:
        return Gates(tests=a + (0 if _CONSTANT.fullmatch(fields.get("B", "0'")) else b))
    return Gates()


def _choices(process: str, registers: set[str]) -> tuple[int, int]:
    """Bits that a process chooses among, over all its cases, and bits with an enable: it keeps a register's value."""
    total, enables = 0, 0
    holding: set[str] = set()
    resetting = False
    for line in process.splitlines():
        word = line.split()
        if word[0] == "switch":
            resetting = word[1] == r"\rst"
        elif word[0] == "assign":
            target = " ".join(word[1:3]) if word[2].startswith("[") else word[1]
            if len(line) - len(line.lstrip()) == 4:  # not in a case
                if word[-2] in registers or word[-1] in registers:
                    holding.add(word[1])
            elif not resetting:
                if word[1] in holding:
                    holding.discard(word[1])
                    enables += _width(target)
                else:
                    total += _width(target)
    return total, enables


def _width(target: str) -> int:
    """Bits of a slice such as ``\\name [7:0]``."""
    high, _, low = target.partition("[")[2].rstrip("]").partition(":")
    return int(high) - int(low or high) + 1 if high else 1
