"""``telemetry tail``."""

import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson

from telemetry.cli.arguments import data_to_read
from telemetry.cli.options import settings_options
from telemetry.cli.output.event_lines import decode_fields, event_line
from telemetry.storage.log.segment import StoredEvent
from telemetry.storage.log.tail import LogTail

POLL_INTERVAL_S = 0.5
# How many of the newest events are searched for matches.
LOOKED_BACK_MAX = 200_000


class Seen(NamedTuple):
    """An event, its day and its own fields."""

    day: str
    stored: StoredEvent
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are shown: those whose type, category and version are among the wanted ones; empty means any."""

    types: tuple[str, ...]
    categories: tuple[str, ...]
    versions: tuple[str, ...]

    def seen(self, day: str, stored: StoredEvent) -> Seen | None:
        """Return an event that is to be shown, or None."""
        row = stored.row
        if (self.types and row.type not in self.types) or (self.versions and row.drift_version not in self.versions):
            return None
        fields = decode_fields(row.payload)
        if self.categories and fields.get("category") not in self.categories:
            return None
        return Seen(day, stored, fields)


@click.command("tail")
@settings_options("environment", "data_dir")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 10_000), default=10, show_default=True, help="Events to begin with."
)
@click.option("--follow/--no-follow", default=True, help="Go on with what arrives, until Ctrl-C.  [default: follow]")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only events of this type; repeatable.")
@click.option("--category", "categories", multiple=True, metavar="NAME", help="Only of this category; repeatable.")
@click.option("--version", "versions", multiple=True, metavar="VERSION", help="Only of this version; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--installations", is_flag=True, help="Show installation ids.")
def command(
    config: Path | None,
    *,
    lines: int,
    follow: bool,
    types: tuple[str, ...],
    categories: tuple[str, ...],
    versions: tuple[str, ...],
    as_json: bool,
    installations: bool,
    **flags: Any,
) -> None:
    """Print events as they arrive; times are UTC.

    Reads the files of a running service without hindering it, and goes on across midnight and restarts. What matches
    is looked for in the newest 200,000 events.

    Example: telemetry tail --type user_action --category auth
    """
    wanted = Filter(types, categories, versions)
    line = _json_line if as_json else _text_line
    tail = LogTail(data_to_read(config, flags))
    older = filter(None, (wanted.seen(*event) for event in islice(tail.older(), LOOKED_BACK_MAX)))
    for seen in reversed(list(islice(older, lines))):
        click.echo(line(seen, installations=installations))
    while follow:
        for event in tail.newer():
            if arrived := wanted.seen(*event):
                click.echo(line(arrived, installations=installations))
        time.sleep(POLL_INTERVAL_S)


def _text_line(seen: Seen, *, installations: bool) -> str:
    return event_line(seen.stored, seen.fields, installations=installations)


def _json_line(seen: Seen, *, installations: bool) -> bytes:
    row = seen.stored.row
    origin = {"installation_id": row.installation_id} if installations else {}
    document = {"day": seen.day, "id": seen.stored.id, "type": row.type, "timestamp": row.timestamp} | origin
    rest = {"drift_version": row.drift_version, "payload": seen.fields, "created_at": seen.stored.received_at}
    return orjson.dumps(document | rest)
