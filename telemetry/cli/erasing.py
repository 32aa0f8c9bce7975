"""Erasing for ``forget`` and ``exclude``: the running service erases, or the command itself if none runs."""

import asyncio
import signal
import sys
from typing import Any

import click
import msgspec

from telemetry.catalogue.installations import is_placeholder
from telemetry.catalogue.shapes import is_installation_id
from telemetry.cli.asking import ask_or_do
from telemetry.clock import Clock
from telemetry.counting.aggregates import COUNTED, DAILY_STATS
from telemetry.operator_errors import StoppedError, UnavailableError
from telemetry.running import running
from telemetry.settings import Settings
from telemetry.storage.erasure.requests import Erased, ErasureRequest
from telemetry.wording import amount

# The settings of a command that erases by itself; a running service has its own.
SETTINGS = (
    "environment", "data_dir", "synchronous", "retention_days", "daily_labels_max", "daily_signatures_max",
    "flush_keys_max", "log_format",
)  # fmt: skip
STANDARD_INPUT = "-"


class InstallationArgument(click.ParamType[str]):
    """An installation id, as events carry it or as it is stored; ``-`` reads it from standard input."""

    name = "installation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the id; a placeholder stands for every client without an id."""
        given = sys.stdin.readline().strip() if value == STANDARD_INPUT else str(value)
        if is_placeholder(given) or not is_installation_id(given):
            shown = "what standard input holds" if value == STANDARD_INPUT else repr(given)
            self.fail(f"{shown} is not the id of an installation", param, ctx)
        return given


def erase(settings: Settings, request: ErasureRequest) -> Erased:
    """Have an installation erased, and return when that is done or, for a dry run, what it would do.

    Raises ``OperatorError`` if the service that does it has not finished, or has not said so, and ``StoppedError``
    after SIGTERM or Ctrl-C where no service runs.
    """
    erased = ask_or_do(settings, "/erasures", request, Erased, lambda: _erase_here(settings, request))
    if not erased.finished:
        raise UnavailableError(
            "the service is stopping, and has noted what is to be erased: it is finished at the next start"
        )
    return erased


def shown(erased: Erased) -> str:
    """Return the number of events in a report, in words."""
    events = sum(erased.events.values())
    if not events:
        return "no event of this id is here"
    verb = "would be erased" if erased.dry_run else "erased"
    return f"{amount(events, 'event')} {verb}, received on {amount(len(erased.events), 'day')}"


def parts(erased: Erased) -> str:
    """Return the names of the numbers that the events have added to."""
    *others, last = (amount(erased.rows.get(each.table, 0), each.noun, each.plural) for each in (DAILY_STATS, *COUNTED))
    return f"{', '.join(others)} and {last}"


def report_document(erased: Erased) -> dict[str, Any]:
    """Return a report as it is printed as JSON: the number of rows of each table stands beside the rest."""
    shown = msgspec.to_builtins(erased)
    return {**shown.pop("rows"), **shown}


async def _erase_here(settings: Settings, request: ErasureRequest) -> Erased:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    async with running(settings, Clock()) as started:
        stopping, erasing = (
            asyncio.create_task(asked.wait()), asyncio.create_task(started.upkeep.eraser.erase(request)),
        )  # fmt: skip
        await asyncio.wait([stopping, erasing], return_when=asyncio.FIRST_COMPLETED)
        if not erasing.done():
            started.upkeep.stop()
        stopping.cancel()
        erased = await erasing
    if not erased.finished:
        raise StoppedError("stopped: what is left to be erased is finished by this command or by the next start")
    return erased
