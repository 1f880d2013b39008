"""Where boards are plugged in, by what their bridges from USB to serial say of themselves."""

from pathlib import Path

from serial.tools import list_ports

from captwin.boards.catalogue import BOARDS
from captwin.boards.host.device import Device
from captwin.boards.host.line import LinkError


def find_device(baud: int | None = None, record: Path | None = None) -> Device:
    """The first device that answers, among the ports of boards; :class:`LinkError` if none does."""
    bridges = {board.line.bridge for board in BOARDS.values()}
    ports = [port.device for port in list_ports.comports() if (port.vid, port.pid) in bridges]
    for port in ports:
        try:
            return Device(port, baud=baud, record=record)
        except LinkError:
            continue
    tried = f"{', '.join(ports)}: no Captwin device answers" if ports else "no board is plugged in"
    raise LinkError(f"{tried}; name the port with --port")
