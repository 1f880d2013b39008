"""The PDKs that Captwin knows: each file of this folder that has a variable ``PDK``."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable
from captwin.sim.pdk.pdk import Pdk


@cache
def pdks() -> dict[str, Pdk]:
    """All PDKs by their names, sorted."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = (import_module(f"captwin.sim.pdk.{name}") for name in sorted(names))
    known = [pdk for module in modules if isinstance(pdk := getattr(module, "PDK", None), Pdk)]
    return {pdk.name: pdk for pdk in known}


def find_pdk(name: str) -> Pdk:
    """The PDK called ``name``; :class:`CaptwinError` that lists those known if there is none."""
    pdk = pdks().get(name)
    if pdk is None:
        raise CaptwinError(
            f"PDK {printable(name)}: not known; known are {', '.join(pdks())};"
            " --models FILE takes the devices of others"
        )
    return pdk
