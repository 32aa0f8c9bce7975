"""``telemetry query``."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from telemetry.cli.arguments import Day, data_to_read
from telemetry.cli.options import settings_options
from telemetry.cli.output.results import print_csv, print_json, print_table
from telemetry.clock import Clock, instant
from telemetry.operator_errors import TimedOutError
from telemetry.storage.log.reader import LAST_DAY, LogReader
from telemetry.storage.lookup.selecting import selecting
from telemetry.storage.sqlite.statements import ResultSet, StatementError, StatementInterrupted


@click.command("query")
@settings_options("environment", "data_dir")
@click.argument("statement")
@click.option("--days", type=click.IntRange(1), default=7, show_default=True, help="Events of so many days, to today.")
@click.option("--from", "first", type=Day(), help="Events from this day on instead.")
@click.option("--to", "last", type=Day(), help="Events up to this day.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--limit", type=click.IntRange(0), default=1_000, show_default=True, help="Rows of a table; 0 is all.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True,
    help="Seconds after which the statement is stopped.",
)  # fmt: skip
def command(
    config: Path | None,
    *,
    statement: str,
    days: int,
    first: str | None,
    last: str | None,
    form: str,
    as_json: bool,
    limit: int,
    timeout_s: float,
    **flags: Any,
) -> None:
    """Run one SELECT over the aggregates and over the raw events.

    Tables: daily_stats, action_aggregates, benchmark_results, installations, segments, the views signature_counts and
    pattern_signatures (format 1 only), and the view events of the days asked for, with the columns day, id, type,
    timestamp, installation_id, drift_version, payload, created_at.

    SQLite attaches ten days' files at once; with the extra `query` 125. Nothing can be written, and
    the service is never delayed, but while a statement runs the service cannot reset its write-ahead logs: one that
    runs for long lets them grow. Ctrl-C stops it.

    \b
    Example: telemetry query "SELECT day, count(*) FROM events GROUP BY day" --days 3
    """
    directory = data_to_read(config, flags)
    clock = Clock()
    first = first or (instant(clock.now()).date() - timedelta(days=days - 1)).isoformat()
    stop = _deadline(clock, timeout_s)
    asked_for = LogReader(directory).days(first, last or LAST_DAY)
    try:
        with selecting(directory, asked_for, statement, stop) as answer:
            _print("json" if as_json else form, answer, limit)
    except StatementError as error:
        raise click.UsageError(f"the statement cannot be answered: {error}") from error
    except StatementInterrupted:
        if stop():
            raise TimedOutError(f"stopped after {timeout_s:g} s: ask for fewer days, or raise --timeout") from None
        raise KeyboardInterrupt from None


def _print(form: str, answer: ResultSet, limit: int) -> None:
    if form == "table":
        print_table(answer.columns, answer.rows, rows_max=limit)
    else:
        {"csv": print_csv, "json": print_json}[form](answer.columns, answer.rows)


def _deadline(clock: Clock, seconds: float) -> Callable[[], bool]:
    end = clock.monotonic() + seconds
    return lambda: clock.monotonic() >= end
