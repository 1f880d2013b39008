"""Frames: the unit in which bytes travel over the line, and the layouts of what is in them.

The content of a frame is followed by its CRC-32, lowest byte first. Both are encoded by COBS, which leaves no byte 0,
and a byte 0 ends the frame. Empty frames are ignored, so bytes 0 may come at any time.

COBS is Cheshire and Baker's consistent overhead byte stuffing (IEEE/ACM Transactions on Networking 7(2), 1999); the CRC
is that of Ethernet.
"""

from amaranth.lib import data

from captwin.hw.link.protocol import Command

#: most bytes that one COBS code stands for, the code itself included
LONGEST = 255
#: requests that a loadable device answers before those that wait
URGENT = (Command.RESET, Command.IDENTIFY)


def token() -> data.StructLayout:
    """A byte of a frame's content; ``last`` marks the final one."""
    return data.StructLayout({"data": 8, "last": 1})


def call() -> data.StructLayout:
    """A request without a body."""
    return data.StructLayout({"command": 8, "tag": 16})
