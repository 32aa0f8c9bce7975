"""Durations of parses and native calls: from the events of either version to percentiles of many days."""

import math
import sqlite3
import statistics
from contextlib import closing
from pathlib import Path
from typing import Any

from telemetry.catalogue.wire import Wire
from telemetry.published.dashboard.overview import overview
from telemetry.published.dashboard.spans import Span
from telemetry.published.proof import unproved
from telemetry.published.reading import reading_published
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.web.api import answers, documents, questions
from telemetry.web.pages.dashboard import dashboard_page
from telemetry.web.pages.drawings import parts_exhibit
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Fields, encode, installation_id, make_event, timestamp
from tests.support.events_v2 import encode_bare, make_event_v2
from tests.support.public_oracle import check_published
from tests.support.publishing import production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

DAYS = 3
INSTALLATIONS = 6
# What a file took in each event of parses, by day and copy, in microseconds; the same in all installations.
TIMES = [[round(40 * 1.37 ** (3 * day + copy)) for copy in range(3)] for day in range(DAYS)]


def events_of(hand: HandClock, day: int, number: int) -> list[Fields]:
    """Return what an installation with version 2 sends on a day."""
    measured: list[tuple[str, Fields]] = [
        ("parse_timing", {"language": "rs", "files": 10, "parse_time_us": 10 * time}) for time in TIMES[day]
    ]
    measured += [
        ("native_calls", {"function": "drift_scan", "calls": 4, "duration_us": 4_000, "errors": 0}),
        ("native_calls", {"function": "very_own_word", "calls": 0, "duration_us": 0}),
        ("napi.bridge.latency", {"function": "drift_scan", "duration_us": 150}),
        ("napi.bridge.latency", {"calls": 3}),
        ("scan_completed", {"duration_ms": 812, "files_unchanged": 0}),
        ("scan_completed", {"duration_ms": 12.5, "files_unchanged": 90}),
        ("scan_completed", {}),
        ("rust.scan.completed", {"duration_ms": 80}),
        ("rust.analysis.completed", {"analysis_time_us": 90_000, "phase_times_us": [1, 2, 3, 4]}),
    ]
    common: dict[str, Any] = {"anonymous_id": installation_id(number), "timestamp": int(hand.now.timestamp())}
    return [make_event_v2(kind, properties=properties, **common) for kind, properties in measured]


async def publish(data_dir: Path) -> None:
    hand = HandClock("2026-11-02T12:00:00")
    async with service(data_dir, hand, **production()) as started:
        # An installation counts from its second day on.
        for day in (None, *range(DAYS)):
            for number in range(INSTALLATIONS):
                scan = make_event(installationId=installation_id(number), timestamp=timestamp(hand.now))
                await started.service.accept(encode([scan]))
                if day is not None:
                    body = encode_bare(events_of(hand, day, number))
                    await started.service.accept(body, wire=Wire.V2)
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        await started.upkeep.closer.check()


def durations(data_dir: Path, **asked: Any) -> dict[tuple[str, str | None], documents.DurationRow]:
    with reading_published(data_dir / "published.db") as numbers:
        assert numbers is not None
        rows = answers.read_durations(numbers, questions.DurationsQuestion(**asked)).rows
    return {(row.what, row.version): row for row in rows}


async def test_parses_and_native_calls_have_percentiles_within_five_per_cent(data_dir: Path) -> None:
    async with service(data_dir, HandClock("2026-11-02T12:00:00"), **production()):
        pass
    succeed("labels", "admit", "function", "drift_scan", "--data-dir", data_dir)
    await publish(data_dir)

    assert check_published(data_dir, oracle.raw_events(data_dir)) > 0
    found = durations(data_dir)
    assert {what for what, _ in found} == {
        "scan", "incremental_scan", "parse:rust", "native:drift_scan", "native:other", "bridge:drift_scan", "rust:scan",
        "rust:analysis",
    }  # fmt: skip
    parses = found["parse:rust", None]
    # Days are added up bucket by bucket: nothing is averaged.
    times = sorted(time / 1_000 for day in TIMES for time in day * INSTALLATIONS)
    assert parses.observations == len(times)
    for percent, told in ((50, parses.p50_ms), (95, parses.p95_ms), (99, parses.p99_ms)):
        assert told is not None
        assert abs(told / times[math.ceil(len(times) * percent / 100) - 1] - 1) <= 0.05
    by_version = found["parse:rust", "2.0.1"]
    assert (by_version.p50_ms, by_version.p99_ms) == (parses.p50_ms, parses.p99_ms)
    call, bridged = found["native:drift_scan", None], found["bridge:drift_scan", None]
    assert abs(statistics.mean([call.p50_ms or 0, call.p99_ms or 0]) - 1) <= 0.05
    assert abs((bridged.p95_ms or 0) / 0.15 - 1) <= 0.05
    assert set(durations(data_dir, what="rust:analysis")) == {("rust:analysis", "2.0.1"), ("rust:analysis", None)}


async def test_the_ledger_adds_up_and_the_dashboard_has_a_section(data_dir: Path) -> None:
    await publish(data_dir)

    assert unproved(DataDirectory(data_dir)) == []
    with reading_published(data_dir / "published.db") as numbers:
        assert numbers is not None
        seen = overview(numbers, Span.ALL)
        assert seen is not None
        page = dashboard_page(seen).decode()
    assert "How fast are the native parts?" in page
    assert "parse:rust" in page
    assert "very_own_word" not in page
    assert {row[0] for row in parts_exhibit(seen).rows} >= {"parse:rust", "native:other"}


async def test_a_window_that_an_older_program_made_of_scans_alone_is_proved_too(data_dir: Path) -> None:
    await publish(data_dir)

    for scans, differing in ((INSTALLATIONS, 0), (INSTALLATIONS + 1, DAYS + 1)):
        with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
            connection.execute(
                "UPDATE published_windows SET ledger = json_set(ledger, '$.durations', json_object('named', ?))"
                " WHERE period = 'day'",
                (scans,),
            )
        assert len(unproved(DataDirectory(data_dir))) == differing
