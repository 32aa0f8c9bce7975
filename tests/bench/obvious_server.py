"""The obvious way: every request inserts its events, upserts every counter they touch, and commits.

One table with the four documented indexes, WAL, ``synchronous=NORMAL``, nothing validated beyond what it needs.
"""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosqlite
import click
from aiohttp import web

from tests.bench.baselines import INDEXES, INSERT, TABLE

_COUNTERS = """
CREATE TABLE daily_stats (date TEXT, metric TEXT, value INTEGER, PRIMARY KEY (date, metric));
CREATE TABLE pattern_signatures (
    signature_hash TEXT PRIMARY KEY, category TEXT, language TEXT, occurrence_count INTEGER, avg_confidence REAL
);
CREATE TABLE action_aggregates (
    category TEXT, action TEXT, confidence_bucket TEXT, count INTEGER, PRIMARY KEY (category, action, confidence_bucket)
);
"""
_ADD_DAILY = """
INSERT INTO daily_stats VALUES (?, ?, ?) ON CONFLICT (date, metric) DO UPDATE SET value = value + excluded.value
"""
_ADD_SIGNATURE = """
INSERT INTO pattern_signatures VALUES (?, ?, ?, 1, ?) ON CONFLICT (signature_hash) DO UPDATE SET
    avg_confidence = (avg_confidence * occurrence_count + excluded.avg_confidence) / (occurrence_count + 1),
    occurrence_count = occurrence_count + 1
"""
_ADD_ACTION = """
INSERT INTO action_aggregates VALUES (?, ?, ?, 1)
ON CONFLICT (category, action, confidence_bucket) DO UPDATE SET count = count + 1
"""
_BASE = ("type", "timestamp", "installationId", "driftVersion")

Fields = dict[str, Any]


class ObviousSite:
    """One connection, one lock, one transaction for each request."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()

    async def post_events(self, request: web.Request) -> web.Response:
        """Store and count the events of a batch."""
        events: list[Fields] = json.loads(await request.read())["events"]
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        async with self._lock:
            await self._connection.execute("BEGIN")
            await self._connection.executemany(INSERT, [_row(event, now) for event in events])
            await self._connection.executemany(_ADD_DAILY, [(now[:10], *item) for item in _metrics(events).items()])
            await self._connection.executemany(_ADD_SIGNATURE, _signatures(events))
            await self._connection.executemany(_ADD_ACTION, _actions(events))
            await self._connection.commit()
        return web.json_response({"success": True, "eventsProcessed": len(events)})


def _row(event: Fields, now: str) -> tuple[str, ...]:
    payload = json.dumps({name: value for name, value in event.items() if name not in _BASE})
    return (*(event[name] for name in _BASE), payload, now)


def _metrics(events: list[Fields]) -> Counter[str]:
    metrics: Counter[str] = Counter()
    for event in events:
        metrics[f"events:{event['type']}"] += 1
        metrics[f"version:{event['driftVersion']}"] += 1
        if event["type"] == "pattern_signature":
            metrics[f"language:{event['language']}"] += 1
            metrics[f"category:{event['category']}"] += 1
    return metrics


def _signatures(events: list[Fields]) -> list[tuple[Any, ...]]:
    names = ("signatureHash", "category", "language", "confidence")
    return [tuple(event[name] for name in names) for event in events if event["type"] == "pattern_signature"]


def _actions(events: list[Fields]) -> list[tuple[Any, ...]]:
    decided = [event for event in events if event["type"] == "user_action"]
    return [(event["category"], event["action"], _bucket(event["confidenceAtAction"])) for event in decided]


def _bucket(confidence: float) -> str:
    return "high" if confidence >= 0.85 else "medium" if confidence >= 0.70 else "low"


async def _serve(data_dir: Path) -> None:
    folder = data_dir / "events"
    folder.mkdir()
    connection = await aiosqlite.connect(folder / "all.db", isolation_level=None)
    await connection.executescript(
        f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {TABLE}; {INDEXES}; {_COUNTERS}"
    )
    application = web.Application()
    application.router.add_post("/v1/events", ObviousSite(connection).post_events)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    click.echo(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await asyncio.Event().wait()


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), required=True)
def main(data_dir: Path) -> None:
    """Serve until killed."""
    asyncio.run(_serve(data_dir))


if __name__ == "__main__":
    main()
