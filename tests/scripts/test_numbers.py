"""Numbers on the command line: whatever they are, a verb answers with a result or with one line."""

import pytest

from captwin.scripts.app import MODULES, load

#: arguments with which a verb soon is where its numbers matter, if there is such a way
CHEAP = {
    "evaluate": ["digits-tiny"],
    "fabricate": ["digits-tiny", "--count", "1"],
    "verilog": ["digits-tiny"],
    "simulate": ["digits-tiny"],
    "verify": ["digits-tiny"],
    "estimate": ["digits-tiny", "--board", "icebreaker", "--images", "2"],
    "build": ["digits-tiny", "--board", "icebreaker"],
    "report": ["digits-tiny", "--board", "icebreaker"],
    "inspect": ["charge_share"],
    "classify": ["digits-tiny", "picture.png"],
    "load": ["digits-tiny", "--port", "/dev/null"],
    "infer": ["--port", "/dev/null"],
    "virtual": ["digits-tiny"],
    "characterize": ["pass_transistor"],
    "fidelity": ["digits-tiny"],
    "mismatch": ["pass_transistor"],
    "remeasure": ["pass_transistor"],
    "periphery": ["gf180_charge_share"],
    "wires": ["digits-tiny"],
    "dither": ["digits-tiny"],
    "train": ["--data", "digits", "-o", "run"],
}
#: what takes long, or more than this machine has: that it was reached is enough
WORK = (
    *(
        "captwin.scripts.verbs.gates.simulate.run",
        "captwin.scripts.verbs.circuit.fabricate.run",
        "captwin.scripts.verbs.gates.verify.run_compiled",
        "captwin.scripts.verbs.board.build.run",
        "captwin.scripts.verbs.circuit.fidelity.compare",
        "captwin.scripts.verbs.circuit.remeasure.run",
        "captwin.scripts.verbs.circuit.periphery.measure_circuit",
    ),
    *(
        "captwin.scripts.verbs.gates.estimate.Workload",
        "captwin.scripts.verbs.circuit.characterize.run",
        "captwin.scripts.verbs.chip.train.run",
        "captwin.scripts.verbs.chip.study.run",
        "captwin.scripts.verbs.setup.demo.simulate",
    ),
    *(
        "captwin.scripts.verbs.setup.demo.train",
        "captwin.scripts.verbs.board.virtual.VirtualBoard",
        "captwin.scripts.verbs.board.infer.VirtualBoard",
    ),
)


class Reached(Exception):
    """A verb has begun its work."""


def numbers(name: str) -> list[tuple[str, type]]:
    params = [(param.opts[0], param.type_descriptor.annotation) for param in load(name).params]
    return [(option, kind) for option, kind in params if kind in (int, float)]


OPTIONS = [(name, *entry) for name in MODULES for entry in numbers(name)]


def test_the_options_are_seen():
    assert {("verify", "--rate", float), ("build", "--clock", float), ("train", "--seed", int)} <= set(OPTIONS)
    assert len(OPTIONS) > 50


@pytest.mark.parametrize(("name", "option", "kind"), OPTIONS, ids=lambda value: str(value).strip("-"))
def test_no_number_is_too_much(captwin, capsys, monkeypatch, name, option, kind):
    def work(*_: object, **__: object) -> None:
        raise Reached

    for place in WORK:
        monkeypatch.setattr(place, work)
    never = {"inf", "-inf", "nan", "", "x", *(["1.5", str(10**30)] if kind is int else [])}
    for value in sorted(never | {"-1", "0", "1e308", "-1e308", "1e-320", str(10**12), str(2**63 - 1), str(10**30)}):
        try:
            status, out, err = captwin(name, *CHEAP.get(name, []), f"{option}={value}")
        except Reached:
            capsys.readouterr()
            assert value not in never
            continue
        if status:
            assert (out, err.count("\n"), err[:9]) == ("", 1, "captwin: "), (value, err)
        if value in never:
            assert status == 2 and option in err, (value, err)


def test_lists_of_numbers(captwin):
    for value in ("inf", "-1", "0", "", ",", "1,", str(10**30), f"1,{2**63}"):
        for option in ("--row-banks", "--lanes"):
            status, out, err = captwin("estimate", "digits-tiny", "--board", "icebreaker", f"{option}={value}")
            assert (status, out, err.count("\n"), err[:9]) == (1, "", 1, "captwin: "), (value, err)
