"""Events like those in bug reports of similar systems, each between two valid ones, sent to a production instance."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import encode, make_event
from tests.support.http import audited, fresh_events, new_installation, stored
from tests.support.server import ServerProcess, serving

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"
ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    *[("scan_completion", {"timestamp": TODAY + time}) for time in (
        "T00:00:00Z", "T00:00:00z", "t00:00:00.1z", "T00:00:00.123456789Z", "T00:00:00-00:00", "T01:00:00.5+01:00",
        "T14:00:00+14:00", "T00:00:00." + "1" * 60 + "Z",
    )],
    *[("scan_completion", {"driftVersion": version}) for version in (
        "1.2.3.4", "1.2.3rc1", "1.2.3-rc.1+exp.sha.5114f85", "0.0.1", "0.0.0-dev",
    )],
    *[("pattern_signature", {"language": language}) for language in (
        "", "ts", "tsx", "c", "h", "h++", "c#", "c++", "f#", "objective-c", "razor",
    )],
    *[("pattern_signature", {"detectionMethod": method}) for method in ("structural", "AstVisitor", "learning")],
    *[("pattern_signature", {"category": category}) for category in (
        "4111-1111-1111-1111", "very-rude-word", "data_access", "data-access",
    )],
    ("user_action", {"action": "suppress"}),
    ("aggregate_stats", {"codebaseSizeTier": "huge"}),
    ("aggregate_stats", {"frameworks": ["next.js", "asp.net", "spring-boot"]}),
    ("rust.scan.completed", {"files": 3, "status": "partial"}),
    *[("scan_completion", {"installationId": placeholder}) for placeholder in (
        "0", "undefined", "null", "NaN", "None", "anonymous", "Unknown", "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    )],
]  # fmt: skip
REJECTED: list[tuple[str, str, dict[str, Any]]] = [
    *[("timestamp_invalid", "scan_completion", {"timestamp": time}) for time in (
        "2026-W48-4T00:00:00Z", f"{TODAY}T00Z", f"{TODAY}T000000Z", f"{TODAY}T00:00:00,123Z", f"{TODAY} 00:00:00Z",
        f"{TODAY}T00:00:00+0000", f"{TODAY}T00:00:00+00:00:00.000001", f"{TODAY}T00:00:00:Z", f"{TODAY}T24:00:00Z",
    )],
    *[("version_invalid", "scan_completion", {"driftVersion": version}) for version in (
        "0.9.1+john.corp.example.com", "0.9.1-johns-macbook.local", "1+192.168.0.17", "0.9.1-john.doe",
    )],
    *[("label_invalid", "pattern_signature", {name: value}) for name in ("category", "language", "detectionMethod")
      for value in ("acme.com", "intranet.local", "secrets.env", "main.py", "john.doe", "c++.acme.com", "main.py#1")],
    ("label_invalid", "user_action", {"action": "john.doe"}),
    *[("label_invalid", "aggregate_stats", {name: ["acme.com"]}) for name in (
        "languages", "frameworks", "featuresEnabled",
    )],
    ("field_invalid", "scan_completion", {"durationMs": -1}),
    ("field_invalid", "scan_completion", {"durationMs": int("1" * 4_000)}),
    ("content_refused", "scan_completion", {"extra": ["import", "os"]}),
    ("content_refused", "rust.scan.completed", {"path": ["home", "john", "project"]}),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with audited(tmp_path_factory.mktemp("reported") / "data", "--environment", "staging") as running:
        yield running


def between_neighbours(event_type: str, changes: dict[str, Any], installation: str) -> bytes:
    before, after = fresh_events(2, installation)
    return encode([before, make_event(event_type, **({"installationId": installation} | changes)), after])


@pytest.mark.parametrize(("event_type", "changes"), ACCEPTED)
def test_what_real_clients_send_is_accepted(server: ServerProcess, event_type: str, changes: dict[str, Any]) -> None:
    answer = server.post(between_neighbours(event_type, changes, new_installation()))

    assert answer.body == b'{"success":true,"eventsProcessed":3}'


@pytest.mark.parametrize(("code", "event_type", "changes"), REJECTED)
def test_what_is_wrong_or_names_somebody_costs_its_event_alone_and_reaches_no_disk(
    server: ServerProcess, code: str, event_type: str, changes: dict[str, Any]
) -> None:
    installation = new_installation()

    answer = server.post(between_neighbours(event_type, changes, installation))

    assert (answer.status, answer.json["eventsProcessed"]) == (200, 2)
    assert [(rejected["index"], rejected["code"]) for rejected in answer.json["rejected"]] == [(1, code)]
    assert len(stored(server, installation)) == 2


def test_every_reader_takes_every_timestamp_that_was_accepted(data_dir: Path) -> None:
    sent = [changes["timestamp"] for _, changes in ACCEPTED if "timestamp" in changes]
    with serving(data_dir) as server:
        server.post(encode([make_event(timestamp=text, durationMs=number) for number, text in enumerate(sent)]))
        server.kill()
    with serving(data_dir) as server:
        assert server.stop() == 0

    assert len(oracle.check(data_dir)) == len(sent)
    unread = "SELECT count(*) AS unread FROM events WHERE datetime(timestamp) IS NULL"
    assert json.loads(succeed("query", unread, "--json", "--data-dir", data_dir)) == [{"unread": 0}]


def test_a_dotted_type_that_nobody_knows_is_public_only_as_other(data_dir: Path) -> None:
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        server.post(encode([make_event("rust.scan.started"), make_event("john.doe"), make_event("new_type")]))
        while not (metrics := server.request("GET", "/v1/stats").json["metrics"]):
            pass
        server.stop()

    assert {name: count for name, count in metrics.items() if name.startswith("events:")} == {
        "events:other": 2,
        "events:new_type": 1,
    }
    assert {event.type for event in oracle.check(data_dir)} == {"rust.scan.started", "john.doe", "new_type"}
