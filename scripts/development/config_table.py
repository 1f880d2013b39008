"""Writes the table of all fields of a training configuration into docs/training.md, from the class itself."""

from itertools import dropwhile
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from captwin.hw.support.files import write_atomically
from captwin.train.config import TrainConfig
from captwin.train.datasets.catalogue import DATASETS

PAGE = Path("docs/training.md")
#: ranges of what may be a number for all layers or a list
PER_LAYER = {"levels": "0 or more", "sparsity": "0 to below 1", "drive_bits": "1 to 8"}
HEADING = "| field | values | default | meaning |\n|---|---|---|---|\n"


def config_table() -> str:
    """The table in Markdown: a row for each field, and one for each field of a table within."""
    return HEADING + "".join(f"{row}\n" for row in _rows(TrainConfig, ""))


def with_table(page: str) -> str:
    """``page`` with the present table in place of the one that it has."""
    before, _, rest = page.partition(HEADING)
    lines = rest.splitlines(keepends=True)
    after = dropwhile(lambda line: line.startswith("|"), lines)
    return before + config_table() + "".join(after)


def _rows(model: type[BaseModel], prefix: str) -> list[str]:
    rows = []
    for name, field in model.model_fields.items():
        inner = next((part for part in _parts(field) if isinstance(part, type) and issubclass(part, BaseModel)), None)
        meaning = " ".join((field.description or "").split())
        default = "" if inner else _default(field)
        rows.append(f"| `{prefix}{name}` | {_values(name, field)} | {default} | {meaning} |")
        if inner:
            rows += _rows(inner, f"{name}.")
    return rows


def _parts(field: FieldInfo) -> tuple[Any, ...]:
    """The types that a field may have."""
    return get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)


def _values(name: str, field: FieldInfo) -> str:
    """What a field may be: names, or a range of numbers."""
    if name == "data":
        return ", ".join(f"`{known}`" for known in DATASETS)
    if name == "conditions":
        return "`all`, or names of conditions"
    if name in PER_LAYER:
        return PER_LAYER[name]
    if field.annotation is bool:
        return "`true`, `false`"
    if get_origin(field.annotation) is tuple:
        element = get_args(get_args(field.annotation)[0])[1]
        (most,) = (limit.max_length for limit in field.metadata if isinstance(limit, MaxLen))
        return f"up to {most} numbers, {_range(element.metadata)}"
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    return _range(field.metadata)


def _range(limits: list[Any]) -> str:
    """Numbers between ``limits``, which belong to them unless it is said that they do not."""
    low = high = ""
    for limit in limits:
        match limit:
            case Ge():
                low = _number(limit.ge)
            case Gt():
                low = f"above {_number(limit.gt)}"
            case Le():
                high = f"to {_number(limit.le)}"
            case Lt():
                high = f"to below {_number(limit.lt)}"
    return f"{low} {high}".strip() if high else low and f"{low} or more"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or not isinstance(field.default, (int, float, str)):
        return ""
    if isinstance(field.default, bool):
        return f"`{field.default}`".lower()
    return f"`{field.default}`" if isinstance(field.default, str) else _number(field.default)


def _number(value: Any) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


if __name__ == "__main__":
    write_atomically(PAGE, with_table(PAGE.read_text()))
