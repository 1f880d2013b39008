"""A second model of a chip, written by someone who had docs/arithmetic.md and nothing else.

It shares no code with the project, and must not: it is there to show that the page is enough. When a pixel spikes it
takes from the page itself, so that the page stays true of encoders that were added later.
"""

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).parents[2] / "docs/arithmetic.md"
DTYPES = {"I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8", "F32": "<f4"}
USED = ["charges", "gains", "offsets", "threshold_offsets", "surfaces", "thresholds"]


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def read_chip(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """(the manifest's gates, the layers, the build id)."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    body = data[8 + size :]
    manifest = json.loads(header.pop("__metadata__")["captwin"])
    assert manifest["format"] == "captwin-chip" and manifest["version"] == 2
    rest = {key: value for key, value in manifest.items() if key != "sha256"}
    assert hashlib.sha256(canonical(rest)).hexdigest() == manifest["sha256"]
    assert set(manifest["tensors"]) == set(header)
    raw, arrays = {}, {}
    for name, info in header.items():
        first, end = info["data_offsets"]
        raw[name] = body[first:end]
        assert hashlib.sha256(raw[name]).hexdigest() == manifest["tensors"][name], name
        arrays[name] = np.frombuffer(raw[name], DTYPES[info["dtype"]]).reshape(info["shape"])
    gates = manifest["gates"]
    digest = hashlib.sha256(canonical(gates))
    layers = []
    for n, entry in enumerate(gates["layers"]):
        layers.append({key: arrays[f"layers.{n}.{key}"].tolist() for key in USED} | entry)  # Python's own integers
        for key in USED:
            digest.update(raw[f"layers.{n}.{key}"])
    return gates, layers, int.from_bytes(digest.digest()[:8], "big")


def lfsr_numbers(seed: int, count: int) -> list[int]:
    bits = [(seed >> q) & 1 for q in range(32)]
    while len(bits) < 8 * count:
        n = len(bits) - 32
        bits.append(bits[n] ^ bits[n + 1] ^ bits[n + 2] ^ bits[n + 22])
    return [sum(bits[8 * j + q] << q for q in range(8)) for j in range(count)]


def dither(layer: dict[str, Any], steps: int) -> list[list[int]]:
    """[t][j] A * z, nothing where the layer has no dither."""
    columns = layer["columns"]
    if "dither" not in layer:
        return [[0] * columns] * steps
    octets = lfsr_numbers(layer["dither"]["seed"], 2 * steps * columns)
    halves = [half for octet in octets for half in (octet % 16, octet // 16)]
    z = [sum(halves[4 * n : 4 * n + 4]) - 30 for n in range(steps * columns)]
    return [[layer["dither"]["amplitude"] * z[t * columns + j] for j in range(columns)] for t in range(steps)]


def conditions(page: str) -> dict[str, str]:
    """When a pixel spikes: the line with which the page's section on each kind of encoder begins."""
    chapter = page.split("\n## Encoders\n")[1].split("\n## ")[0]
    return dict(re.findall(r"\n### `(\w+)`\n\n {4}(.+)\n", chapter))


def encode(encoder: dict[str, Any], image: list[int]) -> list[list[int]]:
    """spikes[t][i]"""
    steps, pixels = encoder["steps"], len(image)
    # The page's notation is Python's but for two signs.
    condition = re.sub(r"(?<![<>=])=(?!=)", "==", conditions(PAGE.read_text())[encoder["kind"]]).replace("mod", "%")
    numbers = lfsr_numbers(encoder["seed"], steps * pixels) if "r(" in condition else []
    names = {**encoder, "pixels": pixels, "r": lambda j: numbers[j]}
    code = compile(condition, str(PAGE), "eval")
    return [[int(eval(code, {}, {**names, "t": t, "p": p, "i": i})) for i, p in enumerate(image)] for t in range(steps)]


def clamp(x: int, a: int, b: int) -> int:
    return a if x < a else b if x > b else x


def philox(key: list[int], counter: list[int]) -> list[int]:
    """Four words of Philox4x64-10, as its authors describe it."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c0, 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * c2, 2**64)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) % 2**64, (k1 + 0xBB67AE8584CAA73B) % 2**64
    return [c0, c1, c2, c3]


def disturbances(seed: int, layer: int, image: int, steps: int, factors: Any, shared: float) -> list[list[list[int]]]:
    """[t][j] (n_u, n_r, n_d, n_v); ``factors[j]`` holds the page's factors c, and ``shared`` is c_reference."""
    columns = len(factors)
    numbers = 4 * steps * columns + steps
    words = [word for c in range(1, numbers // 2 + 2) for word in philox([seed, 0], [c, layer, image, 0])]

    def z(q: int) -> int:
        return sum((word >> at) % 2**16 for word in words[2 * q : 2 * q + 2] for at in (0, 16, 32, 48)) - 262140

    def rounded(x: float) -> int:
        return math.floor(x + 0.5)

    result = []
    for t in range(steps):
        common = rounded(shared * z(4 * steps * columns + t))
        own = [[rounded(c * z(4 * (t * columns + j) + n)) for n, c in enumerate(factors[j])] for j in range(columns)]
        result.append([[n_u + common, *others] for n_u, *others in own])
    return result


def step(
    layer: dict[str, Any],
    formats: dict[str, int],
    spikes: list[int],
    v_old: list[int],
    b_old: list[int],
    dithers: list[int],
    noise: list[list[int]] | None = None,
) -> Any:
    """(acc, u, v, s), each a list over the columns."""
    noise = noise or [[0, 0, 0, 0]] * layer["columns"]
    db, fu, fv = formats["drive_bits"], formats["drive_fraction"], formats["membrane_fraction"]
    k, X, Y = layer["shift"], 2**fv, 2**fu
    accs, us, vs, ss = [], [], [], []
    for j in range(layer["columns"]):
        acc = sum(layer["charges"][i][j] for i in range(layer["rows"]) if spikes[i])
        n_u, n_r, n_d, n_v = noise[j]
        drive = acc * layer["gains"][j] + layer["offsets"][j] + dithers[j] + n_u + b_old[j] * n_r
        u = clamp((drive + 2 ** (k - 1)) >> k, 0, 2**db - 1)
        v, T, curve = v_old[j], layer["surfaces"][b_old[j]], layer["thresholds"][b_old[j]]
        n, x, m, y = v >> fv, v % X, u >> fu, u % Y
        D = ((X - x) * curve[n] + x * curve[n + 1] + n_d + 2 ** (fv - 1)) >> fv
        s = int(u >= D + layer["threshold_offsets"][j])
        if isinstance(T[0][0], list):  # four surfaces
            T = T[s]
        low = (X - x) * (Y - y) * T[n][m] + (X - x) * y * T[n][m + 1]
        high = x * (Y - y) * T[n + 1][m] + x * y * T[n + 1][m + 1]
        accs.append(acc)
        us.append(u)
        vs.append(clamp((low + high + n_v + 2 ** (fv + fu - 1)) >> (fv + fu), 0, 2 ** formats["membrane_bits"] - 1))
        ss.append(s)
    return accs, us, vs, ss


def infer(gates: dict[str, Any], layers: list[dict[str, Any]], image: list[int], noise: Any = None) -> tuple[Any, ...]:
    """(label, counts, membranes, steps taken, trace); trace[layer][t] is what :func:`step` returned.

    ``noise[layer]`` is what :func:`disturbances` gives.
    """
    steps = gates["encoder"]["steps"]
    inputs = encode(gates["encoder"], image)
    v = [[layer["rest"]] * layer["columns"] for layer in layers]
    b = [[0] * layer["columns"] for layer in layers]
    trace: list[list[Any]] = [[] for _ in layers]
    dithers = [dither(layer, steps) for layer in layers]
    for t in range(steps):
        spikes = inputs[t]
        for n, layer in enumerate(layers):
            result = step(layer, gates["formats"], spikes, v[n], b[n], dithers[n][t], noise[n][t] if noise else None)
            v[n], b[n] = result[2], result[3]
            trace[n].append(result)
            spikes = result[3]
    last = trace[-1]
    end = steps - 1
    if gates["readout"] == "first_spike":
        end = next((t for t in range(steps) if any(last[t][3])), end)
    counts = [sum(last[t][3][c] for t in range(end + 1)) for c in range(layers[-1]["columns"])]
    membranes = last[end][2]
    label = max(range(len(counts)), key=lambda c: (counts[c], membranes[c], -c))
    return label, counts, membranes, end + 1, trace
