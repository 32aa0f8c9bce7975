"""The oracle of public numbers: what may be published of a window, worked out from sets of installations.

It shares no code with the service and does not fold: it says what any leaf may be made of.
"""

import json
import re
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.support.oracle import KNOWN_TYPES, Raw, read, spelled

Window = tuple[str, str]
Sets = dict[tuple[str, ...], set[str]]

_DEVELOPMENT = re.compile(r"0\.0\.0(\D.*)?|.*[-.]dev.*|.*\+.*|.*local.*|.*snapshot.*", re.IGNORECASE)
_LANGUAGES = {
    "py": "python",
    "python": "python",
    "ts": "typescript",
    "typescript": "typescript",
    "go": "go",
    "c#": "csharp",
}
_CATEGORIES = {
    "api", "auth", "security", "errors", "logging", "testing", "data-access", "config", "types", "structural",
    "components", "styling", "accessibility", "documentation", "performance",
}  # fmt: skip
DAYS = {"day": 1, "week": 7, "four_weeks": 28}
EXCLUSIVE = {"versions", "activity_daily", "activity_weekly", "activity_four_weekly", "size_tiers"}
_AUTOMATED = "automated_"
COHORTS = EXCLUSIVE - {"size_tiers"} | {"automated_durations", "automated_patterns", "automated_decisions"}
TABLES = {
    "events": ("day", 1), "versions": ("day", 2), "activity_daily": ("day", 2), "activity_weekly": ("week", 2),
    "activity_four_weekly": ("four_weeks", 2), "durations": ("day", 2), "patterns": ("week", 2),
    "signatures": ("four_weeks", 2), "decisions": ("four_weeks", 2), "decisions_by_version": ("four_weeks", 1),
    "decisions_by_bulk": ("four_weeks", 1), "size_tiers": ("four_weeks", 1), "frameworks": ("four_weeks", 1),
    "features": ("four_weeks", 1), "automated_durations": ("day", 3), "automated_patterns": ("week", 3),
    "automated_decisions": ("four_weeks", 3),
}  # fmt: skip


def check_published(data_dir: Path, events: list[Raw], k: int = 5, *, only: set[Window] | None = None) -> int:
    """Assert that every public number is one that may be public; return how many rows there are.

    ``events`` are all there are; those that came after a window was closed are not in it. With ``only``, just these
    windows are looked at.
    """
    counted = _counted(data_dir)
    first_seen: dict[str, str] = {}
    for event in events:
        first_seen[event.installation_id] = min(first_seen.get(event.installation_id, "9"), event.day)
    windows = read(data_dir / "published.db", "SELECT period, window_start, last_day FROM windows")
    rows = 0
    for period, start, last_day in windows:
        if only is not None and (period, start) not in only:
            continue
        assert last_day == str(date.fromisoformat(start) + timedelta(DAYS[period] - 1))
        last_ids = counted[period, start]
        inside = [event for event in events if event.id <= last_ids.get(event.day, 0)]
        for table in (name for name, (of, _) in TABLES.items() if of == period):
            sets = _sets(table, inside, first_seen, start, known_only=k > 1)
            rows += _check_table(data_dir, table, start, sets, k)
    return rows


def _counted(data_dir: Path) -> dict[Window, dict[str, int]]:
    """Return the last event of each day that counts, by window."""
    sql = "SELECT period, window_start, segments FROM published_windows"
    return {(period, start): json.loads(text) for period, start, text in read(data_dir / "telemetry.db", sql)}


def public_rows(data_dir: Path) -> dict[Window, list[Any]]:
    """Return all that is public of each window."""
    path = data_dir / "published.db"
    if not path.exists():
        return {}
    rows: dict[Window, list[Any]] = {
        (period, start): [generation]
        for period, start, generation in read(path, "SELECT period, window_start, generation FROM windows")
    }
    details = {"duration_buckets": "day", "automated_duration_buckets": "day", "signature_shares": "four_weeks"}
    for table, period in [*((name, of) for name, (of, _) in TABLES.items()), *details.items()]:
        for row in read(path, f"SELECT * FROM {table}"):
            rows[period, row[0]].append((table, row))
    return rows


def _check_table(data_dir: Path, table: str, start: str, sets: Sets, k: int) -> int:
    levels = TABLES[table][1]
    sql = f"SELECT * FROM {table} WHERE window_start = '{start}'"
    found = {tuple(row[1 : levels + 1]): row[levels + 1] for row in read(data_dir / "published.db", sql)}
    everybody = set().union(*sets.values()) if sets else set()
    where = (table, start, found, {key: len(ids) for key, ids in sets.items()})
    if len(everybody) < k:
        assert not found, where
        return 0
    assert found, where
    covered: set[tuple[str, ...]] = set()
    for leaf, installations in found.items():
        assert installations >= k, where
        keys = [key for key in sets if _is_in(key, leaf, found)]
        covered.update(keys)
        together = set().union(*(sets[key] for key in keys))
        if "other" not in leaf:
            assert keys == [leaf], where
            assert installations == len(sets[leaf]), where
        elif table in EXCLUSIVE:
            assert installations == len(together), where
        else:
            # A lower bound: nobody knows how many of those under a large key are under the others too.
            assert max(len(sets[key]) for key in keys) <= installations <= len(together), where
    # Leaves partition what there is, but for whole cohorts that are few together.
    left_out = sets.keys() - covered
    if left_out:
        assert table in COHORTS, where
        assert not {key[0] for key in left_out} & {leaf[0] for leaf in found}, where
        assert len(set().union(*(sets[key] for key in left_out))) < k, where
    return len(found)


def _is_in(key: tuple[str, ...], leaf: tuple[str, ...], leaves: dict[tuple[str, ...], Any]) -> bool:
    """Tell whether a key has gone into a leaf: it is the leaf, or nothing nearer to it than this ``other`` is one."""
    if key == leaf and key in leaves:
        return True
    if key in leaves:
        return False
    for depth in range(len(key) - 1, -1, -1):
        other = (*key[:depth], *["other"] * (len(key) - depth))
        if other in leaves:
            return other == leaf
    return False


def _sets(table: str, events: list[Raw], first_seen: dict[str, str], start: str, *, known_only: bool) -> Sets:
    sets: Sets = defaultdict(set)
    if table in EXCLUSIVE:
        for installation, own in _by_installation(events).items():
            known = [event for event in own if not known_only or event.day > first_seen[installation]]
            used = own if table.startswith("activity") else known
            for key in _only_key(table, own, used, first_seen[installation], start):
                sets[key].add(installation)
        return sets
    series = table.removeprefix(_AUTOMATED)
    for installation, own in _by_installation(events).items():
        counted = [event for event in own if not known_only or event.day > first_seen[installation]]
        for cohort, some in _by_cohort(series, own, counted):
            if table.startswith(_AUTOMATED) == bool(cohort):
                for key in (key for event in some for key in _keys(series, event)):
                    sets[(*cohort, *key)].add(installation)
    if table in {"frameworks", "features"}:
        sets = defaultdict(set)
        for installation, own in _by_installation(events).items():
            known = [e for e in own if not known_only or e.day > first_seen[installation]]
            latest = _latest_report(_of_people(own, known))
            # Nothing of these is known: all is other.
            if latest and latest["frameworks" if table == "frameworks" else "featuresEnabled"]:
                sets["other",].add(installation)
    return sets


def _by_cohort(series: str, own: list[Raw], counted: list[Raw]) -> list[tuple[tuple[str, ...], list[Raw]]]:
    """Return an installation's counted events that are of people, and those of a pipeline or agent, in a series."""
    if series == "events":
        return [((), counted)]
    read = [event for event in counted if not _DEVELOPMENT.fullmatch(event.drift_version) and _keys(series, event)]
    marked = [event for event in read if _caller(event) in {"ci", "agent"}]
    if marked or _cohort(own) == "regular":
        return [((), [event for event in read if event not in marked]), ((_cohort(marked),), marked)]
    return [((_cohort(own),), read)]


def _of_people(own: list[Raw], counted: list[Raw]) -> list[Raw]:
    """Return the reports about code bases that are of people."""
    reports = [e for e in counted if e.type == "aggregate_stats" and not _DEVELOPMENT.fullmatch(e.drift_version)]
    unmarked = [event for event in reports if _caller(event) not in {"ci", "agent"}]
    return unmarked if len(unmarked) < len(reports) or _cohort(own) == "regular" else []


def _caller(event: Raw) -> Any:
    return "ci" if event.type == "ci_detected" else event.payload.get("context")


def _by_installation(events: list[Raw]) -> dict[str, list[Raw]]:
    found: dict[str, list[Raw]] = defaultdict(list)
    for event in events:
        if event.installation_id != "unknown":
            found[event.installation_id].append(event)
    return found


def _only_key(table: str, everything: list[Raw], own: list[Raw], first_seen: str, start: str) -> list[tuple[str, ...]]:
    if table == "size_tiers":
        latest = _latest_report(_of_people(everything, own))
        return [(latest["codebaseSizeTier"],)] if latest else []
    if not own:
        return []
    newest = max(
        (event.drift_version for event in own), key=lambda text: [int(n) for n in re.findall(r"\d+", text)][:3]
    )
    cohort = "development" if _DEVELOPMENT.fullmatch(newest) else _cohort(own)
    if table == "versions":
        return [(cohort, newest if re.fullmatch(r"[\d.]+", newest) else "other")]
    return [(cohort, "new" if first_seen >= start else "returning")]


def _cohort(own: list[Raw]) -> str:
    contexts = set(map(_caller, own))
    return next((one for one in ("human", "ci", "agent") if one in contexts), "human").replace("human", "regular")


def _latest_report(own: list[Raw]) -> dict[str, Any] | None:
    reports = [e for e in own if e.type == "aggregate_stats" and not _DEVELOPMENT.fullmatch(e.drift_version)]
    return max(reports, key=lambda event: (event.day, event.id)).payload if reports else None


def _keys(table: str, event: Raw) -> list[tuple[str, ...]]:  # noqa: PLR0911 - one for each table
    if event.installation_id == "unknown":
        return []
    payload = event.payload
    version = event.drift_version if re.fullmatch(r"[\d.]+", event.drift_version) else "other"
    match table, event.type:
        case "events", kind:
            return [(kind if kind in KNOWN_TYPES else "other",)]
        case "durations", "scan_completion":
            return [("incremental_scan" if payload["isIncremental"] else "scan", version)]
        case "durations", kind:
            return [(what, version) for what in _parts(kind, payload)]
        case "patterns", "pattern_signature":
            language = _LANGUAGES.get(payload.get("language", ""), "other" if payload.get("language") else "none")
            return [(language, _category(payload["category"]))]
        case "signatures", "pattern_signature":
            if payload.get("formatVersion", 1) == 1:
                return [(_category(payload["category"]), payload["signatureHash"])]
            # Names of rules are only shown when they are admitted.
            return [
                (_category(payload["category"]), "other" if "patternId" in payload else f"2:{payload['signatureHash']}")
            ]
        case "decisions", "user_action":
            step = payload["confidenceAtAction"]
            number = int(round(step * 1e6) - 550_000) // 50_000
            label = "0.00" if number < 0 else f"{55 + 5 * min(number, 8)}"
            return [(_category(payload["category"]), label if number < 0 else f"0.{label}")]
        case "decisions_by_version", "user_action":
            return [(version,)]
        case "decisions_by_bulk", "user_action":
            return [("bulk" if payload["isBulkAction"] else "single",)]
    return []


def _parts(kind: str, payload: dict[str, Any]) -> list[str]:  # noqa: PLR0911 - one for each type
    function = payload.get("function") if payload.get("function") in {"scan", "parse", "drift_scan"} else "other"
    match kind:
        case "scan_completed" if "durationMs" in payload:
            return ["incremental_scan" if payload.get("filesUnchanged") else "scan"]
        case "rust.scan.completed":
            return ["rust:scan"]
        case "rust.analysis.completed":
            return ["rust:analysis"]
        case "parse_timing":
            return [{"rs": "parse:rust"}.get(payload["language"], "parse:other")]
        case "native_calls":
            return [f"native:{function}"]
        case "napi.bridge.latency" if "durationUs" in payload and "function" in payload:
            return [f"bridge:{function}"]
    return []


def _category(sent: str) -> str:
    return spelled(sent) if spelled(sent) in _CATEGORIES else "other"
