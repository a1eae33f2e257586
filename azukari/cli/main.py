"""The `azukari` command."""

import importlib
import importlib.util
import io
import os
import signal
import sys
import traceback
from typing import Annotated

import typer
import typer.exceptions
from rich.markup import escape

from azukari import __version__
from azukari.cli.console import ReaderGone, new_console, shown, standard_output
from azukari.errors import AzukariError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Build, prove and hand back the servers of a public website whose personal information is held in trust.",
    epilog="Exit codes: 0 holds · 1 a safeguard fails · 2 could not be judged · 3 wrong use or input · "
    "4 `plan`, `site diff` or `site check --office-key` found changes · 70 our own fault · 130 interrupted · "
    "141 the reader of the output went away · 143 ended by SIGTERM",
)

# In the order in which a contractor meets them.
VERBS = (
    "init",
    "site",
    "lab",
    "doctor",
    "plan",
    "apply",
    "drill",
    "verify",
    "evidence",
    "report",
    "safeguards",
    "people",
    "office",
    "disclosure",
    "request",
)


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        print(f"azukari {__version__}")
        raise typer.Exit


def _add_verbs() -> None:
    # Only the verb that is meant, where one is: `lab exec` in a loop need not wait for what `verify` imports.
    meant = sys.argv[1] if len(sys.argv) > 1 else None
    for verb in [meant] if meant in VERBS else VERBS:
        if importlib.util.find_spec(f"azukari.cli.{verb}") is None:
            continue
        module = importlib.import_module(f"azukari.cli.{verb}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(module.command)


def main() -> None:
    """Run the command line and end the process with azukari's exit code."""
    standard_output()
    if isinstance(sys.stderr, io.TextIOWrapper):  # a terminal that knows few characters still gets the rest
        sys.stderr.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # so that keys of this run are removed
    errors = new_console(stderr=True, soft_wrap=True)
    try:
        _add_verbs()
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort:
        errors.print("Interrupted.")
        code = 130
    except typer.exceptions.TyperException as error:  # wrong options: typer's own sentence, our exit code
        show = getattr(error, "show", None)  # usage errors show the verb's usage too
        show() if show else errors.print(error.format_message(), markup=False)
        code = 3
    except AzukariError as error:
        errors.print(f"[bold red]error:[/] {escape(shown(error.message))}")
        code = error.exit_code
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        code = 130
    except (ReaderGone, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except OSError as error:
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        errors.print(f"[bold red]error:[/] {escape(said)}.")
        code = 3
    except Exception as error:  # noqa: BLE001 - the last resort: what nobody foresaw is our own fault
        errors.print(traceback.format_exc(), markup=False)
        errors.print(f"[bold red]error:[/] azukari's own fault ({type(error).__name__}); please report what is above.")
        code = 70
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
