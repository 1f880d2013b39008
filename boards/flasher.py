"""Programs that put a bitstream onto a board."""

from dataclasses import dataclass
from pathlib import Path

#: stands for the bitstream among a program's arguments
FILE = "FILE"


@dataclass(frozen=True)
class Flasher:
    """A program that flashes a board: its name, the Debian package that has it, and its arguments with FILE."""

    program: str
    package: str
    load: tuple[str, ...]  #: into volatile memory
    burn: tuple[str, ...]  #: into flash memory, for good

    @property
    def advice(self) -> str:
        """How to get the program."""
        return f"apt-get install {self.package}"

    def command(self, bitstream: Path, *, burn: bool) -> list[str]:
        """The command that flashes ``bitstream``: into volatile memory, or for good if ``burn``."""
        arguments = self.burn if burn else self.load
        return [self.program, *(str(bitstream) if argument == FILE else argument for argument in arguments)]


#: flashes iCE40 boards through their FTDI chip
ICEPROG = Flasher("iceprog", "fpga-icestorm", load=("-S", FILE), burn=(FILE,))


def open_fpga_loader(board: str) -> Flasher:
    """openFPGALoader for a ``board`` by the name that it gives it."""
    return Flasher("openFPGALoader", "openfpgaloader", load=("-b", board, FILE), burn=("-b", board, "-f", FILE))
