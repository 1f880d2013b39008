"""The command line: ``captwin VERB``, one file a verb."""

import sys
import warnings

import typer
from amaranth.hdl import UnusedElaboratable

from hw.support.errors import CaptwinError
from scripts import (
    build,
    cache,
    characterize,
    demo,
    doctor,
    estimate,
    evaluate,
    fabricate,
    fidelity,
    flash,
    infer,
    load,
    report,
    simulate,
    study,
    train,
    verify,
    verilog,
    virtual,
)
from scripts.output import log

app = typer.Typer(
    name="captwin",
    help="Digital twin, in gates, of a memcapacitive spiking neural network chip.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (
    doctor.doctor,
    characterize.characterize,
    train.train,
    study.study,
    evaluate.evaluate,
    fabricate.fabricate,
    verilog.verilog,
    simulate.simulate,
    verify.verify,
    estimate.estimate,
    build.build,
    report.report,
    flash.flash,
    infer.infer,
    load.load,
    virtual.virtual,
    fidelity.fidelity,
    demo.demo,
    cache.cache,
):
    app.command()(verb)


INTERRUPTED = 130  # what typer makes of Ctrl-C


def main() -> None:
    """Runs a verb; a user's mistake ends in one line on stderr and exit status 1."""
    warnings.filterwarnings("ignore", category=UnusedElaboratable)  # a core that an error kept from being built
    try:
        status = app(standalone_mode=False)
        if status == INTERRUPTED:
            log.print("captwin: interrupted")
        sys.exit(status)
    except typer.TyperException as error:  # a wrong option or argument
        error.show()  # type: ignore[attr-defined]  # what typer raises has it, what it exports does not
        sys.exit(error.exit_code)
    except CaptwinError as error:
        log.print(f"captwin: {error}")
        sys.exit(1)
    except OSError as error:
        log.print(f"captwin: {error.filename or 'system'}: {error.strerror or error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
