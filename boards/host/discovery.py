"""Finding the board that is plugged in, by the USB numbers of its serial bridge."""

from pathlib import Path

from serial.tools import list_ports

from captwin.boards.catalogue import BOARDS
from captwin.boards.host.device import Device
from captwin.boards.host.line import LinkError

#: in place of a port: the first board that answers
AUTO = "auto"


def open_device(port: str, baud: int | None, record: Path | None = None) -> Device:
    """The device on ``port``, or the first that answers if that is AUTO; arguments and errors are those of
    :class:`Device`."""
    return find_device(baud, record) if port == AUTO else Device(port, baud=baud, record=record)


def find_device(baud: int | None = None, record: Path | None = None) -> Device:
    """The first device that answers on a port whose USB numbers are those of a board's bridge.

    :class:`LinkError` if none does. ``baud`` and ``record`` are those of :class:`Device`.
    """
    bridges = {board.line.bridge for board in BOARDS.values()}
    ports = [port.device for port in list_ports.comports() if (port.vid, port.pid) in bridges]
    for port in ports:
        try:
            return Device(port, baud=baud, record=record)
        except LinkError:
            continue
    tried = f"{', '.join(ports)}: no Captwin device answers" if ports else "no board is plugged in"
    raise LinkError(f"{tried}; name the port with --port")
