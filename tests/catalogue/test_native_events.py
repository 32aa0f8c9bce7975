"""The events of version 2: what each may say, in either version's words."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from telemetry.catalogue.event import OtherEvent
from telemetry.catalogue.events import KNOWN_EVENTS
from telemetry.catalogue.native_purposes import OF_NATIVE_TYPE
from telemetry.catalogue.rows import from_rows
from telemetry.catalogue.rules import BatchRules
from telemetry.catalogue.wire import decode_batch
from telemetry.catalogue.wire_v2 import decode_batch_v2
from tests.support.events import encode, make_event, timestamp
from tests.support.events_v2 import encode_bare, make_event_v2

RULES = BatchRules(100, datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(hours=24))
MEASURED: dict[str, dict[str, Any]] = {
    "workspace_init": {"files_total": 120, "languages": {"TypeScript": 100, "c#": 20}},
    "scan_completed": {
        "duration_ms": 812.5, "files_total": 120, "files_added": 1, "files_modified": 2, "files_removed": 0,
        "files_unchanged": 117, "errors_count": 0, "status": "complete", "cache_hit_rate": 0.97,
        "total_size_bytes": 1_048_576, "memory_peak_bytes": 52_428_800, "languages": {"rust": 120},
    },
    "quality_gate_check": {"passed": False, "gates_total": 6, "gates_failed": 1, "violations": 3, "duration_ms": 20},
    "mcp_server_started": {"transport": "stdio", "tools_total": 12},
    "cli_command": {"command": "scan", "succeeded": True, "duration_ms": 900},
    "error_encountered": {"code": "SCAN_FAILED", "component": "scanner", "recovered": True},
    "license_tier_active": {"tier": "community"},
    "ci_detected": {"provider": "github_actions"},
    "rust.scan.completed": {"duration_ms": 100, "files_total": 10, "languages": {"rust": 10}},
    "rust.parse.error": {"language": "rs", "errors": 2, "code": "SYNTAX_ERROR"},
    "rust.analysis.completed": {
        "analysis_time_us": 9_000, "phase_times_us": [1, 2, 3, 4], "call_graph_size": 10, "coupling_size": 5,
        "boundaries_size": 2,
    },
    "napi.bridge.latency": {"function": "drift_scan", "calls": 2, "duration_us": 150},
    "parse_timing": {"language": "rs", "files": 10, "parse_time_us": 5_000, "detect_time_us": 300, "errors": 0},
    "native_calls": {"function": "buildCallGraph", "calls": 3, "errors": 0, "duration_us": 4_500},
}  # fmt: skip


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def test_every_type_of_version_2_is_known() -> None:
    assert MEASURED.keys() == OF_NATIVE_TYPE.keys()


@pytest.mark.parametrize("kind", MEASURED)
def test_an_event_of_version_2_is_stored_alike_in_the_words_of_either_version(kind: str) -> None:
    sent = make_event_v2(kind, properties=MEASURED[kind], platform=..., timestamp=int(datetime.now(UTC).timestamp()))
    flat = {camel(name): value for name, value in MEASURED[kind].items()}
    first = make_event(
        kind, **flat, installationId=sent["anonymous_id"], driftVersion=sent["drift_version"],
        timestamp=timestamp(datetime.fromtimestamp(sent["timestamp"], UTC)),
    )  # fmt: skip

    batch = decode_batch_v2(encode_bare([sent]), RULES)

    assert batch.rejections == []
    for copies in (1, 5):
        assert set(decode_batch(encode([first] * copies), RULES).rows) == set(batch.rows)
    assert json.loads(batch.rows[0].payload) == flat
    assert from_rows(batch.rows) == batch.events
    assert not isinstance(batch.events[0], OtherEvent)


@pytest.mark.parametrize("kind", MEASURED)
def test_a_text_that_is_no_label_is_refused_wherever_it_stands(kind: str) -> None:
    for name, value in MEASURED[kind].items():
        if isinstance(value, str | dict):
            spoiled = "../etc/passwd" if isinstance(value, str) else {"../etc/passwd": 1}
            sent = make_event_v2(kind, properties=MEASURED[kind] | {name: spoiled})
            assert len(decode_batch_v2(encode_bare([sent]), RULES).rejections) == 1, name


def test_a_whole_duration_is_stored_as_an_integer_however_it_was_written() -> None:
    events = [make_event("cli_command", command="scan", durationMs=number) for number in (900, 900.0)]
    for copies in (1, 4):
        first, second = (set(decode_batch(encode([event] * copies), RULES).rows) for event in events)
        assert {row.payload for row in first} == {row.payload for row in second}


def test_unknown_properties_of_a_known_type_pass_the_gate_and_stay() -> None:
    sent = make_event_v2("scan_completed", properties={"duration_ms": 3, "new_thing": 4})

    (row,) = decode_batch_v2(encode_bare([sent]), RULES).rows

    assert json.loads(row.payload) == {"durationMs": 3, "new_thing": 4, "platform": "linux/x86_64"}


def test_the_manual_names_every_property_of_every_type() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", manual, re.MULTILINE))
    for kind in OF_NATIVE_TYPE:
        own = set(KNOWN_EVENTS[kind].__struct_fields__) - set(OtherEvent.__struct_fields__)
        assert set(re.findall("`([a-z_]+)`", rows[kind])) == own, kind
