"""The old worker's database, as it makes it: a real export, and made ones."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.events import installation_id

EXPORT = Path(__file__).parents[1] / "samples" / "d1-export.sql"

INSTALLATION = installation_id(1)
OldRow = tuple[Any, ...]


def schema() -> str:
    """Return the statements that make the old tables, out of the real export."""
    statements = EXPORT.read_text().split(";\n")
    return ";\n".join(statement for statement in statements if statement.lstrip().startswith("CREATE TABLE")) + ";"


def old_event(
    number: int, received_at: str, *, installation: str = INSTALLATION, kind: str = "scan_completion", **changes: Any
) -> OldRow:
    """Return a row of ``events``, its columns in their order; the client recorded it just before."""
    recorded = datetime.fromisoformat(received_at) - timedelta(seconds=1, milliseconds=number % 1000)
    own_fields = {
        "scan_completion": {
            "durationMs": number, "filesScanned": 10, "newPatternsDiscovered": 1, "isIncremental": True,
            "workerCount": 4,
        },
        "pattern_signature": {
            "signatureHash": f"{number % 7:016x}", "category": "api", "confidence": 0.5, "locationCount": number,
            "outlierCount": 0, "detectionMethod": "ast", "language": "go",
        },
        "user_action": {
            "action": "approve", "category": "api", "confidenceAtAction": 0.9, "hoursSinceDiscovery": number,
            "isBulkAction": False,
        },
    }[kind]  # fmt: skip
    row = {
        "id": number,
        "type": kind,
        "timestamp": recorded.isoformat(timespec="milliseconds") + "Z",
        "installation_id": installation,
        "drift_version": "0.9.1",
        "payload": json.dumps(own_fields, separators=(",", ":")),
        "created_at": received_at,
    }
    return tuple((row | changes).values())


def make_old_database(path: Path, events: Iterable[OldRow], stats: Iterable[tuple[Any, ...]] = ()) -> Path:
    """Make a database file like the old worker's."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema())
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", events)
        connection.executemany("INSERT INTO daily_stats (date, metric, value) VALUES (?, ?, ?)", stats)
        connection.commit()
    return path


def dump(database: Path, target: Path) -> Path:
    """Export a database as SQL, as the sqlite3 shell does."""
    with closing(sqlite3.connect(database)) as connection:
        target.write_text("\n".join(connection.iterdump()) + "\n")
    return target
