"""Data directories as older programs have left them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.storage.sqlite.queries import scripts

# The first programs kept a signature with the labels of its latest event.
_LATEST_LABELS = """INSERT INTO pattern_signatures
SELECT signature_hash, category, detection_method, language, first_seen, last_seen, occurrence_count,
    confidence_millionths, locations, outliers, '2026-11-21', 1
FROM (
    SELECT signature_hash, category, detection_method, language, min(first_seen) AS first_seen,
        max(last_seen) AS last_seen, sum(occurrence_count) AS occurrence_count, sum(locations) AS locations,
        sum(confidence_millionths) AS confidence_millionths, sum(outliers) AS outliers
    FROM newest.signature_counts GROUP BY signature_hash
)"""
_TABLES = "SELECT name FROM main.sqlite_schema WHERE type = 'table'"


def make_older(data_dir: Path, version: int, newest: Path) -> None:
    """Bring the aggregates back to an older schema; the file with the newest one goes to another place."""
    path = data_dir / "telemetry.db"
    # Nothing may be left in a write-ahead log, which would be taken for one of the older file.
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    path.rename(newest)
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.executescript("\n".join(scripts("aggregates")[:version]))
        made.executescript(f"PRAGMA user_version = {version}; PRAGMA journal_mode = WAL")
        made.execute("ATTACH ? AS newest", (str(newest),))
        # A table that triggers write comes after the one that they watch.
        for (table,) in made.execute(_TABLES).fetchall():
            if table == "pattern_signatures":
                made.execute(_LATEST_LABELS)
                continue
            columns = ", ".join(row[1] for row in made.execute(f"PRAGMA main.table_info({table})"))
            made.execute(f"DELETE FROM main.{table}")
            made.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newest.{table}")
    path.chmod(0o600)
