"""The periphery of a circuit's chips under all conditions, and its file, which lies in the folder of its tables."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from captwin.hw.periphery import Periphery
from captwin.hw.quantities import fault
from captwin.hw.support.documents import DocumentError, first_fault, is_version, parse_json
from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.files import read_bytes, write_atomically
from captwin.hw.support.names import check_name, printable
from captwin.sim.neurons.conditions import Conditions, folder_of
from captwin.sim.pdk.catalogue import find_pdk

FORMAT: Literal["captwin-periphery"] = "captwin-periphery"
VERSION: Literal[1] = 1
FILE_NAME = "periphery.json"
FILE_LIMIT = 1 << 20

_Volts = Annotated[float, Field(gt=0, le=100)]
_Metres = Annotated[float, Field(gt=0, le=1e-2)]


@dataclass(frozen=True)
class ChipPeriphery:
    """What a chip has around its neurons at one corner and temperature."""

    v_read: float  #: V of the rows' swing that the drivers were measured with
    pdk: str  #: whose transistors and metal they are
    clock_wire: float  #: F of all clock lines together a neuron
    periphery: Periphery


class CircuitPeriphery(BaseModel):
    """What chips of a circuit have around their neurons. A :class:`CaptwinError` tells what is wrong with a file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["captwin-periphery"] = FORMAT
    version: Literal[1] = VERSION
    circuit: str
    pdk: str
    date: str  #: when it was measured, ISO 8601
    source_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  #: of the circuit's netlist
    supply: _Volts
    v_read: _Volts
    rail: _Volts  #: of the gates of the rows' switches
    switch_width: Annotated[float, Field(gt=0, le=1e12)]  #: m of the switch that takes a row line up, a F of its load
    inverter_input: Annotated[float, Field(gt=0, le=1e-3)]  #: F a m of the width of an inverter's NMOS
    neuron_pitch: _Metres  #: from neuron to neuron
    clock_wire: float  #: F of all clock lines together a neuron
    conditions: dict[str, Periphery]  #: by the names of conditions

    def at(self, conditions: Conditions) -> ChipPeriphery | None:
        """The periphery under ``conditions``; None if it was not measured there."""
        found = self.conditions.get(conditions.name)
        return None if found is None else ChipPeriphery(self.v_read, self.pdk, self.clock_wire, found)

    def save(self, path: Path) -> None:
        """Writes the file."""
        values = {name: getattr(self, name) for name in CircuitPeriphery.model_fields}
        values["conditions"] = {name: asdict(periphery) for name, periphery in self.conditions.items()}
        write_atomically(path, json.dumps(values, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> "CircuitPeriphery":
        """Reads and checks a file; :class:`CaptwinError` says which field is wrong."""
        data = read_bytes(path, "periphery", FILE_LIMIT)
        try:
            values = parse_json(data)
            if not isinstance(values, dict) or values.get("format") != FORMAT:
                raise CaptwinError(f"format: expected {FORMAT!r}: this is no periphery")
            if not is_version(values.get("version"), VERSION):
                raise CaptwinError(
                    f"version: this captwin reads version {VERSION}, the file has {printable(values.get('version'))}"
                )
            loaded = cls.model_validate_json(data.decode().removeprefix("\N{BYTE ORDER MARK}"))
            for name in ("circuit", "pdk", "date"):
                check_name(getattr(loaded, name), name)
            for name in loaded.conditions:
                Conditions.of_name(name)
            if wrong := fault("clock_wire", loaded.clock_wire):
                raise CaptwinError(f"clock_wire: {wrong}")
            find_pdk(loaded.pdk)
        except ValidationError as error:
            field, reason = first_fault(error)
            raise CaptwinError(
                f"{path}: {field or 'periphery'}: {reason}; captwin periphery measures it again"
            ) from None
        except (DocumentError, CaptwinError) as error:
            raise CaptwinError(f"{path}: {error}") from None
        return loaded


def periphery_file(table: Path) -> Path:
    """Where the periphery of the circuit lies whose neuron table is the file ``table``."""
    return folder_of(table) / FILE_NAME


def find_periphery(table: Path, circuit: str, conditions: Conditions) -> ChipPeriphery | None:
    """What chips of ``circuit``, whose table is the file ``table``, have around their neurons under ``conditions``;
    None if there is no file of it.

    Raises :class:`CaptwinError` if the file is wrong, is another circuit's, or lacks the conditions.
    """
    path = periphery_file(table)
    if not path.is_file():
        return None
    whole = CircuitPeriphery.load(path)
    if whole.circuit != circuit:
        raise CaptwinError(
            f"{path}: is of {whole.circuit}; it lies beside the table of {circuit}; put it beside its own"
        )
    found = whole.at(conditions)
    if found is None:
        raise CaptwinError(f"{path}: holds nothing for {conditions}; captwin periphery {circuit} measures it")
    return found
