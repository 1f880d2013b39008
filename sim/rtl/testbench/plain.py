"""A testbench in plain Verilog that checks a core by itself, with the golden model's answers in it."""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from captwin.hw.chip import Chip
from captwin.hw.export.sidecar import Payload, Sidecar
from captwin.hw.link import protocol
from captwin.hw.support.generated import blank_mark
from captwin.sim import golden
from captwin.sim.rtl.scoreboard import PATIENCE

KIND = "testbench"
TEMPLATE = Path(__file__).with_name("plain.v")


def checking_testbench(
    chip: Chip, sidecar: Sidecar, pixels: np.ndarray, verilog: str, name: str, about: str = ""
) -> str:
    """The text of the testbench ``name`` for the core of ``chip`` in the file ``verilog``, its mark still blank.

    ``pixels``, (images, pixels) uint8, are the images that it sends; ``about`` tells people which these are. It sends
    them with pauses, compares every bit of the answers but the latency, which pauses change, and ends by itself.
    """
    golden.check_pixels(chip, pixels)
    streams = _axi_stream if any(port.name == "aclk" for port in sidecar.ports) else _streams
    content = streams(chip, sidecar, pixels)
    used = dict(content["connections"])
    for port in sidecar.ports:  # what is left: inputs that rest, outputs that nobody looks at
        if port.name not in used:
            rest = "1'b1" if port.name.endswith("__ready") else f"{port.width}'h0"
            used[port.name] = rest if port.direction == "input" else ""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(TEMPLATE.read_text()).render(
        content
        | {
            "top": sidecar.top,
            "mark": blank_mark(KIND),
            "build_id": sidecar.build_id,
            "images": len(pixels),
            "about": about and f" ({about})",
            "verilog": verilog,
            "testbench": name,
            "patience": PATIENCE + sidecar.silence,
            "connections": list(used.items()),
        }
    )


def _beats(pixels: np.ndarray, lanes: int) -> list[tuple[int, bool]]:
    """Each beat's bits, and whether it ends its image."""
    starts = range(0, pixels.shape[1], lanes)
    return [
        (int.from_bytes(image[start : start + lanes].tobytes(), "little"), start == starts[-1])
        for image in pixels
        for start in starts
    ]


def _streams(chip: Chip, sidecar: Sidecar, pixels: np.ndarray) -> dict[str, Any]:
    """What the template needs of a core with streams of its own."""
    port = sidecar.port("result__payload")
    payload = Payload(port.fields)
    reference = golden.run(chip, pixels)
    mask = (1 << port.width) - 1 ^ payload.pack({"cycles": -1})
    answers = [
        payload.pack(
            {"label": int(label), "steps": int(steps)}
            | {f"counts[{n}]": int(count) for n, count in enumerate(counts)}
            | {f"membranes[{n}]": int(code) for n, code in enumerate(membranes)}
        )
        for label, steps, counts, membranes in zip(
            reference.labels, reference.steps, reference.counts, reference.membranes, strict=True
        )
    ]
    return {
        "beat_bits": sidecar.port("pixels__payload").width,
        "beats": [f"{bits:x}" for bits, _ in _beats(pixels, sidecar.options.pixel_lanes)],
        "answer_bits": port.width,
        "answers": [(f"{bits:x}", f"{mask:x}") for bits in answers],
        "wires": [("result__payload", port.width), ("build_id", 64)],
        "word": "result__payload",
        "has_build_id": True,
        "connections": {
            "clk": "clk",
            "rst": "reset",
            "pixels__payload": "beat",
            "pixels__valid": "beat_valid",
            "pixels__ready": "beat_ready",
            "result__payload": "result__payload",
            "result__valid": "word_valid",
            "result__ready": "word_ready",
            "build_id": "build_id",
        },
    }


def _axi_stream(chip: Chip, sidecar: Sidecar, pixels: np.ndarray) -> dict[str, Any]:
    """The same of a core with AXI4-Streams; tlast and tkeep are compared as part of each word."""
    lanes = sidecar.options.pixel_lanes
    bits = sidecar.port("m_axis_tdata").width
    octets = bits // 8
    parts = protocol.answer_parts(chip.classes)
    reference = golden.run(chip, pixels)
    answers = []
    for image in range(len(pixels)):
        numbers = {
            "label": [int(reference.labels[image])],
            "steps": [int(reference.steps[image])],
            "cycles": [0],
            "counts": [int(count) for count in reference.counts[image]],
            "membranes": [int(code) for code in reference.membranes[image]],
        }
        whole = {part.name: [(1 << 8 * part.width) - 1] * part.count for part in parts} | {"cycles": [0]}
        packet, mask = (protocol.pack(parts, entry) for entry in (numbers, whole))
        for start in range(0, len(packet), octets):
            piece = packet[start : start + octets]
            ends = int(start + octets >= len(packet)) << octets | (1 << len(piece)) - 1
            checked = (2 << octets) - 1 << bits | int.from_bytes(mask[start : start + octets], "little")
            answers.append((f"{ends << bits | int.from_bytes(piece, 'little'):x}", f"{checked:x}"))
    return {
        "beat_bits": 8 * lanes + 1,
        "beats": [f"{last << 8 * lanes | bits:x}" for bits, last in _beats(pixels, lanes)],
        "answer_bits": bits + octets + 1,
        "answers": answers,
        "wires": [("tdata", bits), ("tkeep", octets), ("tlast", 1)],
        "word": "{tlast, tkeep, tdata}",
        "has_build_id": False,
        "connections": {
            "aclk": "clk",
            "aresetn": "!reset",
            "s_axis_tdata": f"beat[{8 * lanes - 1}:0]",
            "s_axis_tlast": f"beat[{8 * lanes}]",
            "s_axis_tvalid": "beat_valid",
            "s_axis_tready": "beat_ready",
            "m_axis_tdata": "tdata",
            "m_axis_tkeep": "tkeep",
            "m_axis_tlast": "tlast",
            "m_axis_tvalid": "word_valid",
            "m_axis_tready": "word_ready",
        },
    }
