"""The command line: ``captwin VERB``, one file a verb. Nothing is imported before Ctrl-C can be answered."""

import gc
import io
import os
import sys
from typing import Any

INTERRUPTED = 130  # what typer makes of Ctrl-C
STDOUT = "standard output"


def main() -> None:
    """Runs a verb; whatever stops it ends in one line on stderr and an exit status that is not 0."""
    collect_seldom()
    try:
        _prepare_streams()
        status = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OSError as error:  # stdout cannot be written
        status = _explain(error)
    if status == INTERRUPTED:
        _complain("interrupted")
    sys.exit(status)


def collect_seldom() -> None:
    """Has Python look for cycles of garbage seldom: Amaranth makes millions of objects that stay, and to look through
    them again and again takes as long as its work itself."""
    gc.set_threshold(50_000, 20, 50)


def _run() -> int:
    """The exit status of the verb that the command line names."""
    import warnings

    import typer

    from captwin.hw.support.errors import CaptwinError
    from captwin.scripts.app import app

    # Amaranth warns of cores that were made only to be counted; by its words, since its import takes its time.
    warnings.filterwarnings("ignore", message=".* created but never used")
    try:
        return app(prog_name="captwin", standalone_mode=False) or 0
    except typer.TyperException as error:  # a wrong option or argument
        context = getattr(error, "ctx", None)
        advice = f"; see {context.command_path} --help" if context else ""
        _complain(" ".join(error.format_message().split()).rstrip(".") + advice)
        return error.exit_code
    except CaptwinError as error:
        _complain(str(error))
    except OSError as error:
        return _explain(error)
    except MemoryError:
        _complain("out of memory; try fewer images, or a smaller network")
    except RecursionError:
        _complain("out of stack: something is nested too deeply")
    except SystemExit as stop:  # how typer ends what it does itself
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 1


def _explain(error: OSError) -> int:
    """Says what failed, except that nobody reads what was printed; returns the exit status."""
    if error.filename == STDOUT:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if error.filename != STDOUT or not isinstance(error, BrokenPipeError):
        _complain(f"{error.filename or 'system'}: {error.strerror or error}")
    return 1


class _Output(io.TextIOWrapper):
    """Standard output, whose errors say that they are its own."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            error.filename = STDOUT
            raise

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            error.filename = STDOUT
            raise


def _prepare_streams() -> None:
    """Sees to it that all three streams are open and that stdout and stderr can print any text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed by our caller: the next file opened would become a stream
            os.open(os.devnull, os.O_RDWR)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    if sys.stdout is None or type(sys.stdout) is io.TextIOWrapper:  # not a test's
        settings: dict[str, Any] = {"encoding": sys.stdout and sys.stdout.encoding, "errors": "backslashreplace"}
        sys.stdout = _Output(open(1, "wb", closefd=False), **settings, line_buffering=os.isatty(1))  # noqa: SIM115
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def _complain(message: str) -> None:
    print(f"captwin: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
