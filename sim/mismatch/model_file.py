"""Files of models of mismatch: JSON of one format, read into a checked dataclass, found by the name of a circuit."""

import json
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from captwin.hw.support.documents import DocumentError, first_fault, is_version, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes
from captwin.hw.support.names import check_name, printable
from captwin.sim.neurons.library import Library
from captwin.sim.pdk.catalogue import find_pdk, pdks

#: bytes of the largest file
FILE_LIMIT = 1 << 22


def plain_name(value: str) -> str:
    """``value``; ``ValueError`` if it is no plain name."""
    try:
        return check_name(value, "here")
    except CaptwinError:
        raise ValueError("should be a plain name") from None


class Model(Protocol):
    """A model of a circuit's mismatch that has a file."""

    format: ClassVar[str]  #: of the file
    version: ClassVar[int]
    title: ClassVar[str]  #: what messages call such a model
    option: ClassVar[str]  #: the command line's option that takes one
    measured_by: ClassVar[str]  #: the command that writes one
    models: ClassVar[Library]  #: those of the reference circuits

    @property
    def circuit(self) -> str: ...

    @property
    def pdk(self) -> str: ...

    @classmethod
    def load(cls, path: Path) -> Self: ...


AnyModel = TypeVar("AnyModel", bound=Model)


def read_model(kind: type[AnyModel], path: Path) -> AnyModel:
    """Reads and checks a file; :class:`CaptwinError` that names file and field if it is no model of this ``kind``."""
    content = read_bytes(path, kind.title, FILE_LIMIT)
    try:
        document: Any = parse_json(content)
        if not isinstance(document, dict) or document.pop("format", None) != kind.format:
            raise DocumentError(f"format: expected {kind.format!r}: this is no {kind.title}")
        version = document.pop("version", None)
        if not is_version(version, kind.version):
            raise DocumentError(
                f"version: this captwin reads version {kind.version}, the file has {printable(version)}"
            )
        return TypeAdapter(kind).validate_json(json.dumps(document))
    except ValidationError as error:
        reason = ": ".join(part for part in first_fault(error) if part)
    except DocumentError as error:
        reason = str(error)
    raise CaptwinError(f"{path}: {reason}")


def model_in(kind: type[AnyModel], path: Path, circuit: str) -> AnyModel:
    """The model of ``circuit`` in the file ``path``; :class:`CaptwinError` if it is none, or another circuit's."""
    model = kind.load(path)
    if model.circuit != circuit:
        raise CaptwinError(f"{path}: holds the mismatch of {model.circuit}, not of {circuit}; name another file")
    return model


def model_of(kind: type[AnyModel], circuit: str, process: str) -> AnyModel:
    """The model of ``circuit`` in ``process``: the PDK of that name, or the file of one measured.

    Raises :class:`CaptwinError` if there is no such model, or if it is another circuit's or another PDK's.
    """
    option = kind.option
    if process not in pdks():
        if not Path(process).is_file():
            raise CaptwinError(
                f"{option}: no PDK and no file {printable(process)}; PDKs are {', '.join(pdks())}, and"
                f" {kind.measured_by} writes files"
            )
        return model_in(kind, Path(process), circuit)
    path = kind.models.find(circuit)
    if path is None:
        known = ", ".join(kind.models.names()) or "none"
        raise CaptwinError(
            f"{option}: no mismatch is known of the chip's circuit, {circuit}; it is of {known}."
            f" {kind.measured_by} measures that of a circuit on a foundry's devices into a file, which {option} takes"
        )
    model = kind.load(path)
    if model.pdk != find_pdk(process).name:
        raise CaptwinError(f"{option}: the chip's circuit, {circuit}, is made in {model.pdk}, not in {process}")
    return model
