"""Packs and unpacks stream payloads by the fields of the Verilog's JSON sidecar."""

from collections.abc import Iterable, Mapping
from typing import Any


class Payload:
    """The fields of a port, as the sidecar lists them: turns their values into the port's bits and back.

    Field names are the sidecar's: ``label``, ``counts[3]``, ``[0]`` for the first element of a plain array.
    """

    def __init__(self, fields: Iterable[Mapping[str, Any]]) -> None:
        self._fields = [
            (field["name"], field["lsb"], (1 << field["width"]) - 1, 1 << field["width"] >> 1 if field["signed"] else 0)
            for field in fields
        ]

    @classmethod
    def of_port(cls, sidecar: Mapping[str, Any], port: str) -> "Payload":
        """That of a port of the core."""
        entry = next((entry for entry in sidecar["ports"] if entry["name"] == port), None)
        if entry is None:
            raise KeyError(f"{sidecar['top']} has no port {port}")
        return cls(entry["fields"])

    def pack(self, values: Mapping[str, int]) -> int:
        """The port's bits; fields that ``values`` leaves out are 0."""
        bits = 0
        for name, lsb, mask, _ in self._fields:
            bits |= (values.get(name, 0) & mask) << lsb
        return bits

    def unpack(self, bits: int) -> dict[str, int]:
        """Every field's value."""
        return {name: ((bits >> lsb & mask) ^ sign) - sign for name, lsb, mask, sign in self._fields}
