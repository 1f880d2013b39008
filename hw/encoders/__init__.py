"""Encoders: how pixels become spikes, one kind a file.

A file of this folder that defines a class derived from :class:`~captwin.hw.encoders.encoder.Encoder` adds a kind: chip
files, training configurations, boards, tests and the command line find it here by the name that it gives itself.
"""

import pkgutil
from importlib import import_module
from inspect import isabstract
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, SerializeAsAny
from pydantic.dataclasses import dataclass

from captwin.hw.encoders.encoder import Encoder


def _find_kinds() -> dict[str, type[Encoder]]:
    """The classes of this folder's files by their kind, in alphabetical order of the files."""
    kinds: dict[str, type[Encoder]] = {}
    for file in pkgutil.iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{file.name}")).values():
            if isinstance(value, type) and issubclass(value, Encoder) and not isabstract(value):
                kinds[value.kind] = value
    return kinds


#: the class of each kind of encoder
ENCODERS = _find_kinds()
#: the kind of a chip file or configuration that names none
DEFAULT_KIND = "rate"

if TYPE_CHECKING:
    EncoderKind = str
else:
    #: the name of a kind, for fields that pydantic checks
    EncoderKind = Literal[tuple(ENCODERS)]


@dataclass(config=ConfigDict(extra="ignore", strict=True))
class _Choice:
    """The part of an encoder's settings that says which class has the others."""

    kind: EncoderKind = DEFAULT_KIND


def encoder_class(settings: dict[str, Any]) -> type[Encoder]:
    """The class that ``settings["kind"]`` names; pydantic's ``ValidationError``, a ``ValueError``, if there is none."""
    kind = {"kind": settings["kind"]} if "kind" in settings else {}
    return ENCODERS[_Choice(**kind).kind]


def make_encoder(**settings: Any) -> Encoder:
    """The encoder of ``kind`` (``rate`` if it is not given) with its other settings.

    Raises pydantic's ``ValidationError``, a ``ValueError``, that names the first wrong setting.

    >>> make_encoder(kind="latency", steps=4).kind
    'latency'
    """
    return encoder_class(settings)(**settings)


def _from_settings(value: Any) -> Any:
    return make_encoder(**value) if isinstance(value, dict) else value


#: An encoder of any kind as a field of a pydantic model: read from its settings, and written with all of them.
AnyEncoder = Annotated[SerializeAsAny[Encoder], BeforeValidator(_from_settings)]
