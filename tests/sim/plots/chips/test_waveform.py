"""Waveforms: what is read of a VCD, and the picture of an inference."""

from pathlib import Path

import pytest
from matplotlib.image import imread

from captwin.hw.support.errors import CaptwinError
from captwin.sim.plots.chips.waveform import plot_core, read_vcd
from tests.support.chips import random_chip

HEADER = """$timescale 1ps $end
$scope module bench $end
$scope module captwin_core $end
$var wire 1 ! clk $end
$var wire 1 " go $end
$scope module layer0 $end
$var wire 4 # word [3:0] $end
$var wire 1 " alias $end
$upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
"""
#: two clock cycles of 10,000 ps before ``go`` rises; ``word`` is unknown at first and changes twice in cycle 3
CHANGES = '#0\n0"\nbxxxx #\n#20000\n1"\nb101 #\n#30000\nb1 #\n#35000\nb1111 #\n#50000\n0"\n'


def vcd(folder: Path, text: str) -> Path:
    path = folder / "dump.vcd"
    path.write_text(text)
    return path


def test_values_stand_at_the_end_of_each_cycle(tmp_path: Path) -> None:
    path = vcd(tmp_path, HEADER + CHANGES)
    traces = read_vcd(path, ["go", "layer0.word", "layer0.alias"], 5)
    assert traces["go"] == traces["layer0.alias"] == [0, 0, 1, 1, 1]
    assert traces["layer0.word"] == [None, None, 5, 15, 15]
    assert read_vcd(path, ["layer0.word"], 3) == {"layer0.word": [None, None, 5]}


def test_a_signal_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptwinError, match=r"dump\.vcd: holds no signal layer1\.word"):
        read_vcd(vcd(tmp_path, HEADER + CHANGES), ["go", "layer1.word"], 5)


def test_the_picture_of_an_inference(tmp_path: Path) -> None:
    chip = random_chip(3, sizes=(4, 2))
    widths = {
        "pixels__valid": 1,
        "pixels__ready": 1,
        "layer0.events__0__valid": 1,
        "layer0.events__0__payload": 4,
        "layer0.sums__valid": 1,
        "trace0__valid": 1,
        "trace0__payload": 8,
        "result__valid": 1,
        "result__payload": 8,
    }
    codes = {name: chr(ord("!") + number) for number, name in enumerate(widths)}

    def declared(scope: str) -> str:
        names = [name for name in widths if name.rpartition(".")[0] == scope]
        return "".join(f"$var wire {widths[n]} {codes[n]} {n.rpartition('.')[2]} $end\n" for n in names)

    layer = f"$scope module layer0 $end\n{declared('layer0')}$upscope $end\n"
    head = f"$scope module captwin_core $end\n{declared('')}{layer}$upscope $end\n"
    body = "#0\n" + "".join(f"0{code}\n" if widths[name] == 1 else f"b0 {code}\n" for name, code in codes.items())
    for cycle, name in ((5, "pixels__valid"), (7, "trace0__valid"), (9, "result__valid")):
        body += f"#{cycle * 10_000}\n1{codes[name]}\n#{(cycle + 1) * 10_000}\n0{codes[name]}\n"
    plot_core(vcd(tmp_path, head + body), chip, tmp_path / "waveform.png", lanes=[1], cycles=20)
    picture = imread(tmp_path / "waveform.png")
    assert picture.shape[1] == 1430 and picture.std() > 0
    missing = head.replace("result__valid", "result__held")
    with pytest.raises(CaptwinError, match="holds no signal result__valid"):
        plot_core(vcd(tmp_path, missing + body), chip, tmp_path / "other.png", lanes=[1], cycles=20)
    assert not (tmp_path / "other.png").exists()
