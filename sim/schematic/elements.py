"""The devices of a netlist, in the blocks that its comments make."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from captwin.sim.spice.source import Source

#: nets that are supplies, in every netlist of a neuron
SUPPLY, GROUND = "vdd", "0"


@dataclass(frozen=True)
class Element:
    """One line of a netlist: a device, or a subcircuit of the netlist's own."""

    name: str
    kind: str  #: nch, pch, cmim ...: the subcircuit or model; r, c ... of an element without one
    nets: tuple[str, ...]  #: of a transistor: drain, gate, source, bulk
    sizes: dict[str, str]  #: w, l ... as they are written; "value" of a resistor or capacitor

    @property
    def polarity(self) -> str:
        """``n`` or ``p`` of a transistor, else nothing."""
        return self.kind[0] if len(self.nets) == 4 and self.name[0] in "xm" and self.kind[0] in "np" else ""

    @property
    def ends(self) -> tuple[str, str] | None:
        """The two nets that it joins: a transistor's drain and source, a capacitor's plates; None of a larger thing."""
        if self.polarity:
            return self.nets[0], self.nets[2]
        return (self.nets[0], self.nets[1]) if len(self.nets) == 2 else None

    @property
    def is_capacitor(self) -> bool:
        """Whether it is a capacitor, or a transistor whose drain and source lie at one supply: its gate is one."""
        ends = self.ends
        tied = bool(self.polarity) and ends is not None and ends[0] == ends[1] and ends[0] in (SUPPLY, GROUND)
        return tied or (not self.polarity and self.kind.startswith("c"))


@dataclass(frozen=True)
class Block:
    """Devices that follow one comment of the netlist."""

    comment: str  #: all of it, on one line; may be empty
    elements: tuple[Element, ...]

    @property
    def title(self) -> str:
        """The comment up to its first pause."""
        return re.split(r"[:;.](?:\s|$)", self.comment)[0].strip()


@dataclass(frozen=True)
class Subcircuit:
    """A subcircuit of the netlist."""

    name: str
    ports: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def elements(self) -> list[Element]:
        return [element for block in self.blocks for element in block.elements]


def read_subcircuits(netlist: Source) -> dict[str, Subcircuit]:
    """The subcircuits of ``netlist`` by their names, in its order, all in lower case as SPICE takes it.

    Comments make blocks of the devices below them; of a netlist that includes other files they are lost.
    """
    found: dict[str, Subcircuit] = {}
    name, above, blocks = "", "", [Block("", ())]
    ports: tuple[str, ...] = ()
    for line, comment in _lines(netlist.text if netlist.included else netlist.raw):
        words = _words(line)
        if comment is not None:
            blocks.append(Block(comment, ()))
            above = comment
            continue
        if words[0] in (".subckt", ".macro") and len(words) > 1:
            name, ports = words[1], tuple(word for word in words[2:] if "=" not in word and word != "params:")
            blocks = [Block(above, ())]
        elif words[0] in (".ends", ".eom") and name:
            found[name] = Subcircuit(name, ports, tuple(block for block in blocks if block.elements))
            name = ""
        elif name and words[0][:1].isalpha() and (element := _element(words)):
            blocks[-1] = Block(blocks[-1].comment, (*blocks[-1].elements, element))
        above = ""
    return found


def size_expressions(subcircuits: Mapping[str, Subcircuit]) -> list[str]:
    """The expressions that w and l of devices are written as, each once, without their braces."""
    all_sizes = (element.sizes for part in subcircuits.values() for element in part.elements)
    sizes = (sizes[axis] for sizes in all_sizes for axis in ("w", "l") if axis in sizes)
    return list(dict.fromkeys(size[1:-1] for size in sizes if size.startswith("{")))


def with_numbers(subcircuits: Mapping[str, Subcircuit], numbers: Mapping[str, float]) -> dict[str, Subcircuit]:
    """``subcircuits`` with ``numbers`` in m in place of the expressions of w and l that they belong to."""

    def size(axis: str, text: str) -> str:
        number = numbers.get(text[1:-1]) if text.startswith("{") and axis in ("w", "l") else None
        return text if number is None else f"{1e6 * number:.4g}u"

    def numbered(element: Element) -> Element:
        return replace(element, sizes={axis: size(axis, text) for axis, text in element.sizes.items()})

    return {
        name: replace(
            part,
            blocks=tuple(replace(block, elements=tuple(map(numbered, block.elements))) for block in part.blocks),
        )
        for name, part in subcircuits.items()
    }


def count_transistors(subcircuits: dict[str, Subcircuit], name: str = "neuron") -> int:
    """Transistors of a subcircuit and of those that it is made of; one that is only a capacitor does not count."""
    counts: dict[str, int] = {}

    def count(part: str) -> int:
        if part not in counts:
            counts[part] = 0  # what it has in itself, which no simulator takes, is not counted
            counts[part] = sum(
                count(element.kind) if element.kind in subcircuits else bool(element.polarity)
                for element in subcircuits[part].elements
                if not element.is_capacitor
            )
        return counts[part]

    return count(name)


def _lines(text: str) -> Iterator[tuple[str, str | None]]:
    """(line, None) of the netlist's lines, continued ones joined, and ("", comment) of comments, as many as are
    together joined."""
    comment: list[str] = []
    for line in re.sub(r"\n[ \t]*\+", " ", text).splitlines():
        line = line.strip()
        if line.startswith("*"):
            comment.append(line.lstrip("* ").rstrip())
            continue
        if comment:
            yield "", " ".join(comment)
            comment = []
        line = re.split(r"\s[;$]|;|//", line, maxsplit=1)[0].strip().lower()
        if line:
            yield line, None


def _words(line: str) -> list[str]:
    """Words of a line; an expression in braces or quotes is one, and so is a size with blanks around its sign."""
    line = re.sub(r"\s*=\s*", "=", line)
    return re.findall(r"(?:[^\s{'\"]|\{[^}]*\}|'[^']*'|\"[^\"]*\")+", line) or [""]


def _element(words: list[str]) -> Element | None:
    """The device of a line; None if it is none that can be told."""
    name, letter = words[0], words[0][0]
    plain = [word for word in words[1:] if "=" not in word and word != "params:"]
    sizes = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    if letter in "xm" and len(plain) >= 2:
        return Element(name, plain[-1], tuple(plain[:-1]), sizes)
    if letter in "rcl" and len(plain) >= 2:
        value = {"value": plain[2]} if len(plain) > 2 else {}
        return Element(name, letter, (plain[0], plain[1]), value | sizes)
    return Element(name, letter, tuple(plain), sizes) if plain else None
