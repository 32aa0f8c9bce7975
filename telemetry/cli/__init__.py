"""The ``telemetry`` command: each command is a module of ``commands``, loaded when it is called."""

import errno
import importlib
import logging
import os
import sqlite3
import sys
import traceback
from types import TracebackType

import click

from telemetry import __version__
from telemetry.cli.output.streams import STANDARD_OUTPUT_NAME, is_plain_terminal, prepare
from telemetry.logs import for_journal
from telemetry.operator_errors import Exit, OperatorError, meaning

COMMANDS = (
    "serve", "migrate", "segments", "config", "tail", "stats", "query", "export", "published", "publish", "labels",
    "dataset", "import", "merge", "backup", "restore", "forward", "check", "repair", "forget", "exclude", "prune",
    "retire", "delete", "send", "simulate",
)  # fmt: skip
"""In the order of the help page; ``telemetry.cli.commands.<name>`` holds the command in ``command``."""

# A name that Python keeps for itself cannot name a module.
_MODULES = {"import": "import_data"}


class _Commands(click.Group):
    """Imports a command when it is needed: looking at data should not wait for the HTTP server's modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"telemetry.cli.commands.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """Drift's telemetry service: accepts events, keeps them, counts them, serves the numbers."""


def main() -> None:
    """Run the command line; every expected failure is one sentence on standard error and an exit code."""
    prepare()
    sys.excepthook = _show_defect
    try:
        # Click itself leaves colours out where there is no terminal.
        color = False if os.environ.get("NO_COLOR") or is_plain_terminal() else None
        code = cli.main(prog_name="telemetry", standalone_mode=False, color=color)
        sys.stdout.flush()
        sys.exit(code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:
        # Ctrl-C is how one ends what would go on; to decline a question is a failure.
        sys.exit(Exit.INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else 1)
    except OperatorError as error:
        _fail(str(error), meaning(error).exit)
    except UnicodeEncodeError as error:
        usage = click.UsageError(f"{error.object!a} has bytes that are not UTF-8: give text in UTF-8")
        usage.show()
        sys.exit(usage.exit_code)
    except sqlite3.Error as error:
        from telemetry.storage.sqlite.errors import failure  # noqa: PLC0415 - a command that succeeds needs it not

        fallback = f"the databases cannot be used ({error}): run `telemetry check`, which says of each what is wrong"
        _fail(str(failure(error, "a database") or fallback), Exit.IO_ERROR)
    except OSError as error:
        if error.errno == errno.EPIPE:
            # The reader closed the pipe: it has what it wants.
            sys.exit(1)
        if error.filename == STANDARD_OUTPUT_NAME:
            sentence = f"cannot write to standard output ({error.strerror}): send it elsewhere, as with `> FILE`"
            _fail(sentence, Exit.CANNOT_CREATE)
        from telemetry.storage.sqlite.access import refusal  # noqa: PLC0415 - the same

        if (refused := refusal(error)) is not None:
            _fail(str(refused), meaning(refused).exit)
        _fail(f"{error.filename or 'a file'} cannot be used ({error.strerror}): see that it can be", Exit.IO_ERROR)


def _fail(sentence: str, code: Exit) -> None:
    click.echo(for_journal(f"telemetry: {sentence}", logging.ERROR, sys.stderr), err=True)
    sys.exit(code)


def _show_defect(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    """Print the traceback of an unexpected error, with the journal's priority for critical."""
    text = "".join(traceback.format_exception(kind, error, frames)).rstrip()
    click.echo(for_journal(text, logging.CRITICAL, sys.stderr), err=True)
