"""``telemetry stats``."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click
import msgspec
import orjson

from telemetry import __version__
from telemetry.cli.arguments import ServiceUrl, data_to_read
from telemetry.cli.options import settings_options
from telemetry.cli.output.charts import chart_lines, charts
from telemetry.cli.output.event_lines import printable
from telemetry.clock import Clock, instant
from telemetry.operator_errors import UnavailableError
from telemetry.published.live import read_stats_from
from telemetry.storage.aggregates.loss import reading_aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.reading import last_written

_TIMEOUT_S = 10
_ANSWER_BYTES_MAX = 16_777_216


class _Document(msgspec.Struct, rename="camel"):
    """The fields of ``GET /v1/stats`` that are shown; an answer may have more."""

    period: str
    total_events: int
    metrics: dict[str, int]
    generated_at: str
    active_installations: dict[str, int] = {}
    as_of: str = ""


@click.command("stats")
@settings_options("environment", "data_dir")
@click.option("--url", type=ServiceUrl(), help="Ask the service at this address instead of reading its files.")
@click.option("--json", "as_json", is_flag=True, help="Print the document of GET /v1/stats.")
def command(config: Path | None, *, url: str | None, as_json: bool, **flags: Any) -> None:
    """Show the statistics of the last thirty UTC days.

    Read from the files, they are as new as the last flush and have every label. With --url they are what the public
    sees: but for counts of events, of closed days.

    Example: telemetry stats --url http://127.0.0.1:8787
    """
    document = _ask(url) if url else _read(data_to_read(config, flags))
    if as_json:
        click.echo(orjson.dumps(document))
        return
    period = str(document["period"]).replace("_", " ")
    heading = f"{document['totalEvents']:,} events in the {period}, as of {document.get('asOf', 'now')}"
    click.echo(click.style(printable(heading), bold=True))
    for chart in charts(document):
        click.echo()
        for line in chart_lines(chart):
            click.echo(line)


def _read(directory: DataDirectory) -> dict[str, Any]:
    now = Clock().now()
    with reading_aggregates(directory) as connection:
        stats = read_stats_from(connection, instant(now).date())
    return stats.document(generated_at=now, as_of=last_written(directory.aggregates) / 1e9)


def _ask(url: str) -> dict[str, Any]:
    headers = {"User-Agent": f"drift-telemetry/{__version__}"}
    request = urllib.request.Request(f"{url}/v1/stats", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            body = answer.read(_ANSWER_BYTES_MAX)
        msgspec.json.decode(body, type=_Document)
        document: dict[str, Any] = orjson.loads(body)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnavailableError(f"no statistics from {url} ({reason}): see that a service listens there") from error
    return document
