"""Files that an attacker would write: mutations of whole ones, with hashes made right again where there are any.

:func:`chip_files`, :func:`json_files` and :func:`toml_files` are hypothesis strategies of such files' contents; whoever
adds a format adds one.
"""

import copy
import hashlib
import json
from typing import Any

from hypothesis import strategies as st
from safetensors.numpy import load, save

#: what ends strings, comments, lines, tags and commands somewhere
HOSTILE_TEXTS = (
    "x\n.control\nshell touch pwned\n.endc\n*",
    "\x1b]0;pwned\x07\x1b[2J",
    '*/ `include "/etc/passwd" //\nendmodule',
    "<script>alert(1)</script>",
    "'; touch pwned; '",
    "$(touch pwned)",
    "[bold red]x[/] [link=http://x]",
    "../../pwned",
    "\u202eevil",
    "\ud800",
    "",
    "a" * 100_000,
)
HOSTILE_NUMBERS = (
    *(0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 10**5000),
    *(0.5, -0.0, 1e308, -1e308, 5e-324, 1e-300, float("nan"), float("inf"), float("-inf")),
)


def nested(depth: int) -> list[Any]:
    """A list within a list, ``depth`` deep."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def values() -> st.SearchStrategy[Any]:
    """A JSON value that should not stand where it will."""
    odd = (None, True, [], {}, [[1], [2, 3]], {"a": 1}, nested(70), {"shape": nested(9)})
    return st.sampled_from((*HOSTILE_TEXTS, *HOSTILE_NUMBERS)) | st.sampled_from(odd).map(copy.deepcopy) | st.text()


@st.composite
def edited(draw: st.DrawFn, document: Any) -> Any:
    """``document``, of JSON values, with one to three of its fields changed, dropped, added, renamed or exchanged."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if not (key in holder if isinstance(holder, dict) else key < len(holder)):
            continue
        match draw(st.sampled_from(("set", "set", "set", "drop", "add", "twist"))):
            case "set":
                holder[key] = draw(values())
            case "drop":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from((*HOSTILE_TEXTS[:3], "extra", "__class__")))] = draw(values())
            case "add":
                holder.append(draw(values()))
            case _:
                holder[key] = _twisted(draw, holder[key])
    return document


def _twisted(draw: st.DrawFn, value: Any) -> Any:
    """A value near to ``value``, which passes the first check."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + draw(st.integers(-3, 3))
    if isinstance(value, float):
        return value * draw(st.sampled_from((0.0, -1.0, 1.5, 1e6, 1e-6, 1e300)))
    if isinstance(value, str):
        return value + draw(st.sampled_from(HOSTILE_TEXTS))
    if isinstance(value, list):
        return value + value[:1]
    return {**value, "extra": 0}


def _places(value: Any) -> Any:
    """(holder, key) of all values within ``value``; of a long list some will do."""
    level = [value]
    while level:
        inner = []
        for holder in level:
            keys = list(holder) if isinstance(holder, dict) else list(range(min(len(holder), 4)))
            for key in keys:
                yield holder, key
                if isinstance(holder[key], dict | list):
                    inner.append(holder[key])
        level = inner


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """``content`` with bits flipped, cut off, doubled, spliced, or bytes put in its place."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(("flip", "flip", "cut", "insert", "splice", "overwrite"))):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at:]
            case "insert":
                data[at:at] = draw(st.binary(max_size=12))
            case "splice":
                to = draw(st.integers(0, len(data)))
                data[at:at] = data[to : to + 64]
            case _:
                data[at : at + 8] = draw(st.binary(min_size=8, max_size=8))
    return bytes(data)


def dumps(value: Any) -> str:
    """JSON text, also of what is none: NaN and numbers of any length."""
    text = json.dumps(value, default=str) if not _long(value) else _dumps_long(value)
    return text


def _long(value: Any) -> bool:
    try:
        json.dumps(value)
    except ValueError:
        return True
    return False


def _dumps_long(value: Any) -> str:
    """JSON text of ``value``, in which numbers are longer than Python writes them."""

    def shown(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {key: shown(inner) for key, inner in entry.items()}
        if isinstance(entry, list):
            return [shown(inner) for inner in entry]
        return "LONG" if isinstance(entry, int) and not isinstance(entry, bool) and entry >= 10**4000 else entry

    return json.dumps(shown(value)).replace('"LONG"', "1" + "0" * 5000)


def parts(chip_file: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Manifest and arrays of a whole chip file (or of a checkpoint)."""
    length = int.from_bytes(chip_file[:8], "little")
    manifest = json.loads(json.loads(chip_file[8 : 8 + length])["__metadata__"]["captwin"])
    return manifest, {name: array.copy() for name, array in load(chip_file).items()}


def chip_file(manifest: Any, arrays: dict[str, Any]) -> bytes:
    """A chip file of them whose hashes are right, wherever the manifest still has a place for them."""
    if isinstance(manifest, dict):
        manifest = {key: value for key, value in manifest.items() if key != "sha256"}
        if isinstance(manifest.get("tensors"), dict):
            hashes = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
            manifest["tensors"] = {name: hashes.get(name, old) for name, old in manifest["tensors"].items()} | hashes
        try:
            text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
            manifest["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        except ValueError:
            pass  # numbers too long to be hashed as Python would
    return save(arrays, {"captwin": dumps(manifest)})


@st.composite
def chip_files(draw: st.DrawFn, content: bytes) -> bytes:
    """Chip files made of the whole one ``content``; most get past the hashes."""
    way = draw(st.sampled_from(("bytes", "manifest", "manifest", "arrays", "header")))
    if way == "bytes":
        return draw(damaged(content))
    manifest, arrays = parts(content)
    if way == "manifest":
        return chip_file(draw(edited(manifest)), arrays)
    if way == "header":
        length = int.from_bytes(content[:8], "little")
        text = dumps(draw(edited(json.loads(content[8 : 8 + length])))).encode("utf-8", "surrogatepass")
        return len(text).to_bytes(8, "little") + text + content[8 + length :]
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays[name]
    match draw(st.sampled_from(("bits", "bits", "shape", "type", "drop", "name"))):
        case "bits":
            raw = bytearray(array.tobytes())
            for _ in range(draw(st.integers(1, 8))):
                raw[draw(st.integers(0, len(raw) - 1))] ^= 1 << draw(st.integers(0, 7))
            arrays[name] = type(array)(array.shape, array.dtype, bytes(raw))
        case "shape":
            arrays[name] = draw(
                st.sampled_from(
                    (array[:0], array[..., :1], array.reshape(-1), array[None], array[1:], array[..., None])
                )
            ).copy()
        case "type":
            kind = draw(st.sampled_from(("int8", "uint64", "float64", "float16", "bool", "int32")))
            arrays[name] = array.astype(kind)
        case "drop":
            del arrays[name]
        case _:
            arrays[draw(st.sampled_from(HOSTILE_TEXTS[:3] + ("layers.0.extra", "layers.99.gains")))] = array
    return chip_file(manifest, arrays)


@st.composite
def json_files(draw: st.DrawFn, content: bytes) -> bytes:
    """JSON files made of the whole one ``content``."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged(content))
    return dumps(draw(edited(json.loads(content)))).encode("utf-8", "surrogatepass")


_TOML_VALUES = (
    *("nan", "inf", "-inf", "1e999", "1" * 5000, "0x" + "f" * 5000, "-1", "0", "1e308", "true", "''", "[]", "{}"),
    *("[" * 2000, "[" * 70 + "]" * 70, "{a = " * 30 + "1" + "}" * 30, "1979-05-27", '"\\u0000"', '"/dev/zero"'),
    *('"x\\n.control\\nshell touch pwned\\n.endc"', '"\\u001b[2J"', '"../../../etc/passwd"', "'" + "a" * 9999 + "'"),
    *("[1, 2, 3]", "[999999999]", "1_000_000_000_000", "0.5", '"rate"', "{steps = 0}", '"a\\u202eb"'),
)


@st.composite
def toml_files(draw: st.DrawFn, content: bytes) -> bytes:
    """TOML files made of the whole one ``content``."""
    if draw(st.integers(0, 3)) == 0:
        return draw(damaged(content))
    lines = content.decode().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[at].partition("=")
        match draw(st.sampled_from(("set", "set", "set", "drop", "double", "add"))):
            case "set" if equals:
                lines[at] = f"{key}= {draw(st.sampled_from(_TOML_VALUES))}"
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[at])
            case _:
                name = draw(st.sampled_from(("extra", '"\\u001b"', "encoder", "a" + ".a" * 500, "encoder.steps")))
                lines.insert(at, f"{name} = {draw(st.sampled_from(_TOML_VALUES))}")
    return "\n".join(lines).encode()
