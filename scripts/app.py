"""The verbs of the command line, each imported when it is used."""

import ast
import platform
import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from captwin.hw.support.errors import CaptwinError

#: Every verb in its group, in the order of ``captwin --help``, and an example of its arguments. A verb is the function
#: of that name in ``scripts/verbs/GROUP/VERB.py``; its help is the function's docstring.
GROUPS = {
    "setup": {
        "doctor": "",
        "demo": "--images 40",
        "cache": "--prune",
        "pdk": "fetch gf180mcu",
    },
    "circuit": {
        "characterize": "pass_transistor -o table.json",
        "mismatch": "gf180_charge_share --neurons 50 --seed 1",
        "fabricate": "digits --sigma-c 0.05 --count 20",
        "remeasure": "pass_transistor --points 3",
        "periphery": "gf180_charge_share --corners tt",
        "fidelity": "digits --images 5",
        "wires": "mnist-small",
        "datasheet": "gf180_charge_share",
    },
    "chip": {
        "train": "--data digits --hidden 32 -o runs/small",
        "study": "--data digits --seeds 3",
        "evaluate": "digits",
        "corners": "digits -o corners.png",
        "dither": "digits --comparator-noise 3e-4 -o noisy.safetensors",
        "compare": "digits digits-small --board icebreaker --sheet differing.png",
        "inspect": "digits -o pictures",
        "report": "digits-tiny --board icebreaker",
    },
    "gates": {
        "verilog": "digits -o digits.v --top digits --with all",
        "simulate": "digits --images 20 --waves",
        "verify": "digits --rate 250000",
        "estimate": "digits --board ulx3s-85f --search",
    },
    "board": {
        "build": "digits-tiny --board icebreaker",
        "flash": "digits-tiny --board icebreaker --dry-run",
        "infer": "--port virtual --count 200",
        "classify": "mnist seven.png --invert --save seen.png",
        "load": "digits-small --port /dev/ttyUSB1",
        "virtual": "digits",
    },
}
#: verb to its module
MODULES = {verb: f"captwin.scripts.verbs.{group}.{verb}" for group, verbs in GROUPS.items() for verb in verbs}
#: verb to an example of its arguments
EXAMPLES = {verb: example for verbs in GROUPS.values() for verb, example in verbs.items()}
#: largest whole number that an option takes
LARGEST = 2**63 - 1


class _Command(TyperCommand):
    """An imported verb, whose numbers are finite and of 64 bits."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        for param in self.params:
            value = ctx.params.get(param.name)
            if isinstance(value, float) and not isfinite(value):
                raise typer.BadParameter(f"{value} is not a finite number.", ctx, param)  # type: ignore[arg-type]
            if isinstance(value, int) and abs(value) > LARGEST:
                raise typer.BadParameter("this number has more than 64 bits.", ctx, param)  # type: ignore[arg-type]
        return rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # typer ends without a word, which is right for stdout alone
            if error.filename:
                raise
            raise CaptwinError("a program that was being written to has ended") from None


class _Verb(TyperCommand):
    """Stands for a verb until it is used."""

    def get_short_help_str(self, limit: int = 45) -> str:
        return _docstring(str(self.name)).splitlines()[0]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return load(str(self.name)).make_context(info_name, args, parent, **extra)


class _Verbs(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name in MODULES:
            self.add_command(_Verb(name, rich_markup_mode=None))


app = typer.Typer(cls=_Verbs, pretty_exceptions_enable=False, rich_markup_mode=None)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"captwin {version('captwin')} (Python {platform.python_version()})")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def captwin(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Digital twin, in gates, of a memcapacitive spiking neural network chip."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


@cache
def load(name: str) -> TyperCommand:
    """The verb called ``name``, a key of :data:`MODULES`, imported."""
    # Amaranth's, on cores that were only measured, or that an error kept from being built.
    warnings.filterwarnings("ignore", message=r".* created but never used")
    verb = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    example = f"Example: captwin {name} {EXAMPLES[name]}".rstrip()
    function = getattr(import_module(MODULES[name]), name)
    verb.command(name, cls=_Command, help=_docstring(name), epilog=example)(function)
    command = typer.main.get_command(verb)
    assert isinstance(command, TyperCommand)
    return command


def _docstring(name: str) -> str:
    """The docstring of a verb, read without running its file; Python's option ``-OO`` does not strip it either."""
    spec = find_spec(MODULES[name])
    assert spec and spec.origin
    tree = ast.parse(Path(spec.origin).read_bytes())
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    docstring = ast.get_docstring(function)
    assert docstring
    return docstring
