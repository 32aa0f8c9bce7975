"""The oracle: recounts the raw events by itself and compares every table with the result.

It shares no code with the service and reads the database files as any other program would.
"""

import hashlib
import hmac
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import tally


class Raw(NamedTuple):
    """A row of the event log, with the day of its segment."""

    day: str
    id: int
    type: str
    timestamp: str
    installation_id: str
    drift_version: str
    payload: dict[str, Any]
    created_at: str


KNOWN_TYPES = {
    "pattern_signature", "aggregate_stats", "user_action", "scan_completion", "workspace_init", "scan_completed",
    "quality_gate_check", "mcp_server_started", "cli_command", "error_encountered", "license_tier_active",
    "ci_detected", "rust.scan.completed", "rust.parse.error", "rust.analysis.completed", "napi.bridge.latency",
    "parse_timing", "native_calls",
}  # fmt: skip


def read(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query on a database file that may be in use."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        return connection.execute(sql).fetchall()


def raw_events(data_dir: Path) -> list[Raw]:
    """Return all events of all segments, oldest first."""
    return [
        Raw(path.stem, event_id, kind, moment, installation_id, version, json.loads(payload), created_at)
        for path in sorted((data_dir / "events").glob("*.db"))
        for event_id, kind, moment, installation_id, version, payload, created_at in read(
            path, "SELECT * FROM events ORDER BY id"
        )
    ]


def stored_id(data_dir: Path, sent: str) -> str:
    """Return what an id that is neither a random UUID nor a placeholder is stored as."""
    key = bytes.fromhex((data_dir / "id.key").read_text())
    return "h1_" + hmac.new(key, sent.encode(), hashlib.sha256).hexdigest()[:32]


def check(
    data_dir: Path,
    *,
    labels_max: int = 1_000,
    gone: Sequence[Raw] = (),
    forgotten: Sequence[Raw] = (),
    erased: bool = False,
) -> list[Raw]:
    """Assert that all files are sound and every aggregate equals the recount; return the events.

    ``gone`` are the events that retention has removed since: they stay counted, installations leave with the last one.
    ``forgotten`` events stay counted too, without their installations. Where some were ``erased``, the last id of a day
    may be one of theirs.
    """
    for path in (data_dir / "telemetry.db", *(data_dir / "events").glob("*.db")):
        assert read(path, "PRAGMA integrity_check") == [("ok",)], path
    events = sorted([*gone, *forgotten, *raw_events(data_dir)], key=lambda event: (event.day, event.id))
    for event in events:
        assert event.created_at[:10] == event.day, event
    last_gone = max((event.day for event in gone), default="")
    found, expected = _aggregates(data_dir / "telemetry.db"), _recount(events, labels_max, last_gone)
    closed = {day for (day,) in read(data_dir / "telemetry.db", "SELECT day FROM signature_counts_days WHERE closed")}
    leaving = {event[:2] for event in events if event.day in closed} | {event[:2] for event in gone}
    left = _expired(events, leaving, found["signature_counts"])
    expected |= {"pattern_signatures": dict(_signatures(left)), "signature_counts": dict(_signature_counts(left))}
    if erased:
        expected["segments"] |= _given_ids(data_dir)
    for raw in forgotten:
        expected["installations"].pop(raw.installation_id, None)
    assert read(data_dir / "telemetry.db", _LAST_SEEN_DAYS) == read(data_dir / "telemetry.db", _COUNTED_BY_DAY)
    differing = {name: count for name in expected if (count := _differing(found[name], expected[name]))}
    tally.current().add(double_counted=sum(differing.values()))
    assert not differing, f"rows that a recount finds otherwise: {differing}"
    return events


def _aggregates(path: Path) -> dict[str, dict[Any, Any]]:
    return {
        "daily_stats": _table(path, "SELECT date, metric, value FROM daily_stats WHERE value != 0", keys=2),
        "pattern_signatures": _table(path, _SIGNATURES),
        "signature_counts": _table(path, _SIGNATURE_COUNTS, keys=4),
        "action_aggregates": _table(path, _ACTIONS, keys=3),
        "benchmark_results": _table(path, _BENCHMARKS, keys=6),
        "installations": _table(path, "SELECT installation_id, first_seen, last_seen FROM installations"),
        "segments": _table(path, "SELECT day, watermark FROM segments WHERE watermark > 0"),
    }


def _recount(events: list[Raw], labels_max: int, last_gone: str) -> dict[str, dict[Any, Any]]:
    return {
        "daily_stats": {key: value for key, value in _daily_stats(events, labels_max).items() if value},
        "action_aggregates": dict(_actions(events)),
        "benchmark_results": dict(_benchmarks(events)),
        "installations": {name: days for name, days in _installations(events).items() if days[1] > last_gone},
        "segments": _last_ids(events),
    }


def _differing(found: dict[Any, Any], expected: dict[Any, Any]) -> int:
    return sum(found.get(key) != expected.get(key) for key in found.keys() | expected.keys())


# Averages are compared as the whole sums they stand for: rounded themselves, they would differ where they end in a 5.
_LAST_SEEN_DAYS = "SELECT last_seen, installations FROM last_seen_days WHERE installations != 0 ORDER BY 1"
_COUNTED_BY_DAY = "SELECT last_seen, count(*) FROM installations GROUP BY 1 ORDER BY 1"
_SIGNATURES = """SELECT signature_hash, category, detection_method, language, first_seen, last_seen, occurrence_count,
    round(avg_confidence * occurrence_count * 1000000), round(avg_location_count * occurrence_count),
    round(avg_outlier_count * occurrence_count)
    FROM pattern_signatures"""
_SIGNATURE_COUNTS = """SELECT signature_hash, language, category, detection_method, first_seen, last_seen,
    occurrence_count FROM signature_counts"""
_ACTIONS = """SELECT category, action, confidence_bucket, count, round(avg_hours_to_decision * count), bulk_count
    FROM action_aggregates"""
_BENCHMARKS = """SELECT tool, version, corpus, level, category, source, count, round(mean * count * 1000),
    round(minimum * 1000), round(maximum * 1000) FROM benchmark_results"""


def _table(path: Path, sql: str, *, keys: int = 1) -> dict[Any, Any]:
    """Return rows by their first columns; a key or a value of one column stands for itself."""
    rows = read(path, sql)
    return {_unwrap(row[:keys]): _unwrap(row[keys:]) for row in rows}


def _unwrap(columns: tuple[Any, ...]) -> Any:
    return columns[0] if len(columns) == 1 else columns


def _daily_stats(events: list[Raw], labels_max: int) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    labels: dict[tuple[str, str], set[str]] = defaultdict(lambda: {"other"})
    known = KNOWN_TYPES

    def count(day: str, prefix: str, label: str) -> None:
        seen = labels[day, prefix]
        label = "other (label)" if label == "other" else label
        if prefix == "events":
            seen |= known
        if label not in seen and len(seen) >= labels_max:
            label = "other"
        seen.add(label)
        counts[day, f"{prefix}:{label}"] += 1

    for event in events:
        if event.type == "benchmark-result":
            count(event.day, "results", event.type)
            continue
        count(event.day, "version", event.drift_version)
        if "." in event.type and event.type not in known:
            counts[event.day, "events:other"] += 1
        else:
            count(event.day, "events", event.type)
        if event.type == "pattern_signature":
            count(event.day, "category", spelled(event.payload["category"]))
            count(event.day, "language", event.payload.get("language") or "none")
    days_by_installation: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if not _stands_for_none(event.installation_id):
            days_by_installation[event.installation_id].add(event.day)
    for days in days_by_installation.values():
        counts[min(days), "new_installations"] += 1
        for day in days:
            counts[day, "unique_installations"] += 1
    return counts


def _signatures(events: list[Raw]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    occurrences: dict[str, list[Raw]] = defaultdict(list)
    for event in events:
        if event.type == "pattern_signature" and event.payload.get("formatVersion", 1) == 1:
            occurrences[event.payload["signatureHash"]].append(event)
    for signature, found in occurrences.items():
        times = [event.created_at for event in found]
        sums = [
            sum(round(min(event.payload[name], 100_000) * unit) for event in found)
            for name, unit in (("confidence", 1_000_000), ("locationCount", 1), ("outlierCount", 1))
        ]
        labels = [
            _most([event.payload[name] for event in found]) for name in ("category", "detectionMethod", "language")
        ]
        yield signature, (*labels, min(times), max(times), len(found), *sums)


def _signature_counts(events: list[Raw]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    times: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for event in events:
        if event.type == "pattern_signature":
            times[_signature_key(event)].append(event.created_at)
    for key, moments in times.items():
        yield key, (min(moments), max(moments), len(moments))


def _signature_key(event: Raw) -> tuple[str, ...]:
    sent = event.payload
    labels = (sent.get("language") or "none", spelled(sent["category"]), sent["detectionMethod"])
    is_rule = sent.get("formatVersion", 1) != 1 and "patternId" in sent
    return (sent["patternId" if is_rule else "signatureHash"], *labels)


def _expired(events: list[Raw], leaving: set[Any], rows: Mapping[tuple[str, ...], Any]) -> list[Raw]:
    """Return events; as many as rows lack are ``other``, if their days are gone, or closed before that."""
    by_key = defaultdict(list)
    for event in filter(lambda event: event.type == "pattern_signature", events):
        by_key[_signature_key(event)].append(event)
    other = dict.fromkeys(("signatureHash", "category", "detectionMethod", "language"), "other")
    folded: dict[tuple[Any, ...], Raw] = {}
    for key, same in by_key.items():
        left = same[: len(same) - (rows[key][-1] if key in rows else 0)]
        senders = {event.day: {one.installation_id for one in left if one.day == event.day} for event in left}
        if all(event[:2] in leaving for event in left) and all(len(ids) == 1 for ids in senders.values()):
            folded |= {event[:2]: event._replace(payload=event.payload | other) for event in left}
    return [folded.get(event[:2], event) for event in events]


def spelled(category: str) -> str:
    """Return the one spelling of a category that either version of the tool sends."""
    return "data-access" if category == "data_access" else category


def _most(labels: list[str]) -> str:
    """Return the most frequent label; of equally frequent ones the first in the alphabet."""
    counts = Counter(label or "none" for label in labels)
    return min(counts, key=lambda label: (-counts[label], label))


def _actions(events: list[Raw]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    made: dict[tuple[str, str, str], list[tuple[int, bool]]] = defaultdict(list)
    pairs = {("other", "other")}
    for event in events:
        if event.type == "user_action":
            confidence = event.payload["confidenceAtAction"]
            bucket = "high" if confidence >= 0.85 else "medium" if confidence >= 0.70 else "low"
            pair = (spelled(event.payload["category"]), event.payload["action"])
            if pair not in pairs and len(pairs) > 1_000:
                pair = ("other", "other")
            pairs.add(pair)
            made[*pair, bucket].append((_clamped(event.payload["hoursSinceDiscovery"]), event.payload["isBulkAction"]))
    for key, decisions in made.items():
        hours, bulk = zip(*decisions, strict=True)
        yield key, (len(decisions), sum(hours), sum(bulk))


def _benchmarks(events: list[Raw]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    measured: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for event in events:
        if event.type == "benchmark-result":
            tool, *names = (event.payload[name] for name in ("tool", "corpus", "level", "category", "source"))
            measured[tool, event.drift_version, *names].append(event.payload["value"])
    for key, values in measured.items():
        thousandths = (round(value * 1_000) for value in (sum(values), min(values), max(values)))
        yield key, (len(values), *thousandths)


def _clamped(hours: int) -> int:
    return max(-8_760, min(hours, 8_760))


def _installations(events: list[Raw]) -> dict[str, tuple[str, str]]:
    days: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if not _stands_for_none(event.installation_id):
            days[event.installation_id].append(event.day)
    return {installation: (min(seen), max(seen)) for installation, seen in days.items()}


def _stands_for_none(installation_id: str) -> bool:
    words = {"unknown", "undefined", "null", "nil", "none", "nan", "na", "n-a", "true", "false", "anonymous", "guest"}
    digits = set(installation_id.lower()) - {"-"}
    uuid_of_one_digit = digits in ({"0"}, {"f"}) and len(installation_id) in {32, 36}
    return uuid_of_one_digit or installation_id.lower() in words | {"", "empty", "0", "-1"}


def _given_ids(data_dir: Path) -> dict[str, int]:
    segments = (data_dir / "events").glob("*.db")
    return {path.stem: seq for path in segments for (seq,) in read(path, "SELECT seq FROM sqlite_sequence") if seq}


def _last_ids(events: list[Raw]) -> dict[str, int]:
    return {event.day: event.id for event in events}
