"""A netlist's devices, in blocks and in stacks."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captwin.sim.schematic.elements import (
    Element,
    count_transistors,
    read_subcircuits,
    size_expressions,
    with_numbers,
)
from captwin.sim.schematic.stacks import size_text, stacks_of
from captwin.sim.spice.benches.bench import SPICE_CIRCUITS, find_netlist
from captwin.sim.spice.source import Source, read_source

#: what docs/circuit.md says of our circuits
TRANSISTORS = {"charge_share": 24, "pass_transistor": 19, "gf180_charge_share": 31, "gf180_pass_transistor": 17}
NETLIST = """* head
.param supply=1.8 width={2*1u}
* an inverter: made of two
* transistors; nothing else
.subckt inverter in out vdd
xp out in vdd vdd pch
+ w = 1u l=0.36u ; a comment
.ends
.SUBCKT neuron col mem vdd
* two of them
xone col mid vdd inverter
XTWO mid mem vdd inverter
* the rest
Mn mem col 0 0 nch w={width} l='0.5u + 1n'
xgate vdd mem vdd vdd pch w=10u l=500n
rload mem 0 1.4meg
.ends neuron
"""


@pytest.mark.parametrize("circuit", SPICE_CIRCUITS)
def test_every_device_of_our_netlists_is_drawn_once(circuit):
    source = read_source(find_netlist(circuit), "netlist")
    subcircuits = read_subcircuits(source)
    for part in subcircuits.values():
        drawn = [element for block in part.blocks for stack in stacks_of(block) for element in stack.elements]
        assert sorted(element.name for element in drawn) == sorted(element.name for element in part.elements)
    elements = sum(len(part.elements) for part in subcircuits.values())
    assert elements == sum(line[:1] in ("x", "r", "c", "m") for line in source.text.lower().splitlines())
    assert count_transistors(subcircuits) == TRANSISTORS.get(circuit, count_transistors(subcircuits)) > 10


@pytest.mark.parametrize("circuit", SPICE_CIRCUITS)
def test_neighbours_in_a_stack_share_the_net_between_them(circuit):
    for part in read_subcircuits(read_source(find_netlist(circuit), "netlist")).values():
        for stack in (stack for block in part.blocks for stack in stacks_of(block)):
            for number, element in enumerate(stack.elements):
                assert sorted(element.ends or ()) == sorted(stack.nets[number : number + 2])


def test_what_a_netlist_may_say():
    parts = read_subcircuits(Source(NETLIST, "", {}))
    assert list(parts) == ["inverter", "neuron"] and parts["inverter"].ports == ("in", "out", "vdd")
    (inverter,) = parts["inverter"].blocks
    assert inverter.comment == "an inverter: made of two transistors; nothing else" and inverter.title == "an inverter"
    assert inverter.elements[0].sizes == {"w": "1u", "l": "0.36u"} and size_text(inverter.elements[0]) == "1 / 0.36"
    first, rest = parts["neuron"].blocks
    assert [element.kind for element in first.elements] == ["inverter", "inverter"]
    transistor, gate, load = rest.elements
    assert transistor == Element("mn", "nch", ("mem", "col", "0", "0"), {"w": "{width}", "l": "'0.5u + 1n'"})
    assert gate.is_capacitor and size_text(gate) == "10 / 0.5" and size_text(load) == "1.4meg"
    assert count_transistors(parts) == 3  # one in each inverter, and mn


LINES = st.sampled_from(
    ["* a: b", "*", "xa a b c d nch w=1u", "xb b c pch", "ma a 0 vdd 0 pch", "r1 a b", "+ l = {x", ".ends"]
    + [".subckt neuron a", ".subckt", "x", "'", "xn a a neuron", "xc 0 0 other", "+ 1k", "; none", ".subckt other p=1"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=30))
def test_whatever_it_says_each_device_is_in_one_stack(lines):
    subcircuits = read_subcircuits(Source("\n".join(lines), "", {}))
    for name, part in subcircuits.items():
        drawn = [element for block in part.blocks for stack in stacks_of(block) for element in stack.elements]
        assert Counter(map(id, drawn)) == Counter(map(id, part.elements))
        assert count_transistors(subcircuits, name) >= 0


def test_a_stack_goes_on_with_its_own_kind():
    lines = "xa_p y a vdd vdd pch\nxswitch y b z 0 nch\nxa_n y a 0 0 nch\nxb_p z b vdd vdd pch"
    (block,) = read_subcircuits(Source(f".subckt neuron\n{lines}\n.ends", "", {}))["neuron"].blocks
    stacks = [(stack.nets, [element.name for element in stack.elements]) for stack in stacks_of(block)]
    assert stacks == [(("vdd", "y", "0"), ["xa_p", "xa_n"]), (("vdd", "z", "y"), ["xb_p", "xswitch"])]


def test_sizes_of_expressions_become_numbers() -> None:
    text = ".subckt neuron col mem\nxmem mem 0 cmim w={plate} l={2*plate}\nrload col mem {load}\n.ends\n"
    parts = read_subcircuits(Source(raw=text, text=text, included={}))
    assert size_expressions(parts) == ["plate", "2*plate"]
    capacitor, load = with_numbers(parts, {"plate": 5.005e-6, "load": 1e3})["neuron"].elements
    assert size_text(capacitor) == "5.005 / {2*plate}" and size_text(load) == "{load}"
