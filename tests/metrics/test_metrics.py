"""What an operator scrapes: described in the manual, and true, also when storage fails."""

import re
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from telemetry import __version__
from telemetry.histogram import Histogram
from telemetry.metrics.exposition import exposition
from telemetry.metrics.families import METRIC_PREFIX
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.file_sizes import measure
from tests.running.test_storage_faults import segment_of
from tests.support import oracle
from tests.support.admin import Metrics, scrape
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.segments import DAY_S, pass_a_day, sealing_stopped
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service
from tests.test_manual import rows_below

INVALID = {"type": "Not A Type"}


def test_every_metric_is_listed_with_its_type_and_meaning_and_named_by_the_conventions(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(1)))
        metrics = scrape(data_dir)
        server.stop()

    helps = re.findall(rf"^# HELP ({METRIC_PREFIX}\w+) (.*)$", metrics.text, re.MULTILINE)
    types = dict(re.findall(rf"^# TYPE ({METRIC_PREFIX}\w+) (.*)$", metrics.text, re.MULTILINE))
    assert types.keys() == {name for name, _ in helps}
    assert rows_below("| metric | type | meaning |") == [[f"`{name}`", types[name], meaning] for name, meaning in helps]
    assert set(re.findall(r"^# TYPE (process_\w+)", metrics.text, re.MULTILINE)) >= {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
    }
    for family in metrics.families:
        assert re.fullmatch(r"(drift_telemetry|process)_[a-z_]*[a-z]", family.name)
        assert not re.search(r"_(ms|us|milliseconds|kb|mb)$", family.name)
        totals = [sample.name.endswith("_total") for sample in family.samples]
        assert totals
        assert set(totals) == {family.type == "counter"}


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram(1, 2, 5)
    for value in (0, 1, 1.5, 2, 6):
        histogram.observe(value)

    assert histogram.buckets() == [(1, 2), (2, 4), (5, 4), (float("inf"), 5)]
    assert histogram.sum == 10.5


def test_what_is_not_there_has_no_size(data_dir: Path) -> None:
    directory = DataDirectory(data_dir)
    directory.create()

    *sizes, free_bytes = measure(directory)

    assert set(sizes) == {0}
    assert free_bytes > 0


def test_requests_are_counted_by_path_status_and_code(data_dir: Path) -> None:
    with serving(data_dir, "--body-bytes-max", "2000") as server:
        server.post(encode(Traffic().batch(1)))
        server.post(encode([]))
        server.post(b"{")
        server.post(b" " * 2_001)
        server.request("GET", "/v1/stats")
        server.request("OPTIONS", "/v1/events")
        for path in ("/nothing", "/v1/events", "/metrics"):
            server.request("GET", path)
        metrics = scrape(data_dir)
        server.stop()

    requests = {
        (sample.labels["path"], sample.labels["status"]): sample.value
        for family in metrics.families
        if family.name == f"{METRIC_PREFIX}requests"
        for sample in family.samples
    }
    assert requests == {
        ("/v1/events", "200"): 2,
        ("/v1/events", "400"): 1,
        ("/v1/events", "413"): 1,
        ("/v1/stats", "200"): 1,
        ("other", "204"): 1,
        ("other", "404"): 2,
        ("other", "405"): 1,
    }
    refused = {code: count for code, count in metrics.of("requests_refused_total").items() if count}
    assert refused == {"invalid_json": 1, "too_large": 1, "not_found": 2, "method_not_allowed": 1}


def test_a_fresh_service_tells_its_versions_files_and_health(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(5)))
        eventually(lambda: scrape(data_dir).value("unflushed_keys") > 0)
        server.kill()
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        eventually(lambda: scrape(data_dir).value("flush_lag_seconds") < 0.1)
        metrics = scrape(data_dir)
        segment_bytes = segment_of(server).stat().st_size
        server.stop()

    (build,) = (family for family in metrics.families if family.name == f"{METRIC_PREFIX}build_info")
    assert build.samples[0].labels["version"] == __version__
    assert build.samples[0].labels["sqlite"] == sqlite3.sqlite_version
    assert metrics.value("events_replayed_total") == 5
    assert 0 < metrics.value("recovery_seconds") < 20
    assert metrics.value("duplicate_window_events") == 5
    assert metrics.value("unflushed_keys") == 0
    assert metrics.value("flush_seconds_count") == 1
    assert metrics.value("publish_seconds_count") >= 1
    assert 0 < metrics.value("publish_seconds_sum") < 20
    assert metrics.value("healthy") == 1
    assert set(metrics.of("failing").values()) == {0}
    assert metrics.value("segments") == 1
    assert metrics.value("segments_bytes") == metrics.value("newest_segment_bytes") == segment_bytes
    assert metrics.value("disk_free_bytes") > 0
    assert metrics.value("wal_bytes", database="aggregates") > 0


async def test_an_operator_sees_what_is_sealed_and_removed_and_what_the_disk_holds(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, retention_days=1, disk_bytes_max=50_000_000) as started:
        render = exposition(started.sources)
        await pass_a_day(started, hand, Traffic(moment=hand.now))
        async with sealing_stopped(started):
            assert Metrics(render().decode()).value("sealing") == 1
        hand.pass_time(DAY_S)
        await started.upkeep.retention.check()
        metrics = Metrics(render().decode())

    assert metrics.value("sealing") == 0
    assert metrics.value("segments_sealed_total") == metrics.value("segments_retired_total") == 1
    assert metrics.value("sealing_failures_total") == 0
    assert metrics.value("last_sealing_seconds") == 0
    assert 0 < metrics.value("disk_used_bytes") < metrics.value("disk_budget_bytes") == 50_000_000


def test_the_ledger_adds_up_over_http_while_storage_fails_and_heals(data_dir: Path) -> None:
    flags = ("--queue-events-max", "120", "--flush-interval-s", "0.1")
    with serving(data_dir, *flags, prefix=("prlimit", "--fsize=900000:unlimited")) as server:
        sent = send_from_four(server, batches=40)
        eventually(lambda: scrape(data_dir).value("healthy") == 0)
        failing = scrape(data_dir)
        assert failing.of("failing") == {"busy": 0, "storage_full": 1, "storage_error": 0, "clock": 0}
        assert failing.events()["shed"] > 0
        assert sum(failing.events().values()) == 2 * failing.events()["received"]
        assert failing.events()["accepted"] == len(oracle.raw_events(data_dir))

        subprocess.run(["prlimit", "--pid", str(server.pid), "--fsize=unlimited"], check=True)
        eventually(lambda: scrape(data_dir).value("healthy") == 1)
        sent += send_from_four(server, batches=10)
        events = scrape(data_dir).events()
        assert server.stop() == 0

    rows = len(oracle.check(data_dir))
    assert events.pop("received") == sum(events.values()) == sent
    assert events["accepted"] == rows
    assert events.pop("excluded") == events.pop("opted_out") == 0
    assert min(events.values()) > 0


def send_from_four(server: ServerProcess, *, batches: int) -> int:
    """Send batches, each twice and with an invalid event, from four clients at once; return how many events."""

    def client(number: int) -> int:
        traffic, sent = Traffic(seed=time.monotonic_ns() + number), 0
        for _ in range(batches):
            batch = [*traffic.batch(19), INVALID]
            for _ in range(2):
                assert server.post(encode(batch)).status in {200, 503}
                sent += len(batch)
        return sent

    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(client, range(4)))
