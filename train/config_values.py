"""What the fields of a training configuration take, where a range of numbers does not say it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from pydantic import BeforeValidator, ValidationError, ValidationInfo

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.conditions import Conditions
from captwin.train.config_tables import per_layer
from captwin.train.datasets.catalogue import DATASETS


def from_dict(class_of: Callable[[dict[str, Any]], type]) -> BeforeValidator:
    """Lets a TOML table stand for a strict dataclass, which ``class_of`` tells from the table."""

    def build(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            settings_class = class_of(value)
            known = [entry.name for entry in fields(settings_class)]
            for key in value:
                if key not in known:
                    raise ValueError(f"{key}: unknown field; known are {', '.join(known)}")
            return settings_class(**value)
        except ValidationError as error:
            first = error.errors()[0]
            path = "".join(f"{part}: " for part in first["loc"])
            raise ValueError(path + first["msg"].removeprefix("Value error, ")) from None

    return BeforeValidator(build)


def known_data(value: Any) -> Any:
    """``value`` if it is the name of a data set in the catalogue."""
    if not isinstance(value, str) or value not in DATASETS:
        names = [repr(name) for name in DATASETS]
        raise ValueError(f"Input should be {', '.join(names[:-1])} or {names[-1]}")
    return value


def condition_names(value: Any) -> Any:
    """``value`` if it is "all", none, or a list of names of conditions, each of them once."""
    if value is None or value == "all":
        return value
    if not isinstance(value, list | tuple) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError('Input should be "all" or a list such as ["tt_27", "ss_-40"]')
    try:
        return tuple(dict.fromkeys(Conditions.of_name(name).name for name in value))
    except CaptwinError as error:
        raise ValueError(str(error).removeprefix("conditions: ")) from None


def check_levels(levels: int | tuple[int, ...], known: ValidationInfo) -> None:
    """Raises ``ValueError`` unless ``levels`` fit the formats."""
    check_layers(levels, known)
    direct = known.data["direct"] is not None
    bits = 10 if direct else known.data["formats"].charge_bits
    most = 1 << (bits - 1)
    for each in per_layer(levels, 1):
        if direct and each == 0:
            raise ValueError(f"neurons without interpolation need whole charges; give 2 to {most} levels")
        if each < 0 or each == 1 or each > most:
            raise ValueError(f"charge_bits = {bits} holds 2 to {most} levels (0: unquantised)")
    if 0 in per_layer(levels, 1) and levels != 0:
        raise ValueError("unquantised weights are for all layers; give 0 alone, or levels to all")


def check_layers(value: Any, known: ValidationInfo, name: str = "") -> None:
    """Raises ``ValueError`` unless a list in ``value`` has a number for each layer."""
    hidden = known.data.get("hidden")
    if isinstance(value, tuple) and hidden is not None and len(value) != len(hidden) + 1:
        where = f"{name} has" if name else "has"
        wanted = f"{len(value)} numbers for {len(hidden) + 1} layers"
        raise ValueError(f"{where} {wanted}; give one for each, or one for all")


def check_prunable(known: ValidationInfo) -> None:
    """Raises ``ValueError`` unless weights can be zero exactly."""
    if known.data.get("mapping", "one_sided") != "one_sided":
        raise ValueError("only weights of one_sided can be 0; set mapping to it")
    if known.data.get("levels", 2) == 0:
        raise ValueError("needs weights of levels; set levels to 2 or more")
