"""Cases 37 and 40 of the fault list: what strangers can make grow stays within its bounds."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from telemetry.counting.counters import Counters
from telemetry.settings import Settings
from tests.bench.usage import usage
from tests.running.test_units import directives
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import encode, make_event, timestamp
from tests.support.segments import make_segment
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service

LABELS_MAX = Settings().daily_labels_max
SIGNATURES_MAX = Settings().daily_signatures_max
BATCH_EVENTS = Settings().batch_events_max
CLIENTS = 4
TEXTS = {"signatureHash": "{:016x}", "installationId": "00000000-0000-4000-8000-{:012x}", "category": "label-{}"}


def distinct_events(moment: datetime, first: int, *names: str) -> bytes:
    """Return a batch of events that differ in some fields from each other and from all with other numbers."""
    numbers = range(first, first + BATCH_EVENTS)
    own_fields = [{name: TEXTS[name].format(number) for name in names} for number in numbers]
    return encode([make_event("pattern_signature", timestamp=timestamp(moment), **fields) for fields in own_fields])


async def keys_seen(data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str, events: int) -> int:
    """Post events that differ in one field; return the most counters that ever waited for a flush."""
    hand, most = HandClock(), [0]
    add = Counters.add

    def watched(self: Counters, appended: object) -> None:
        add(self, appended)  # type: ignore[arg-type]
        most[0] = max(most[0], self.keys)

    monkeypatch.setattr(Counters, "add", watched)
    async with service(data_dir, hand, flush_keys_max=2_000, duplicate_window_events=1_000) as started:
        for first in range(0, events, BATCH_EVENTS):
            await started.service.accept(distinct_events(hand.now, first, name))
    return most[0]


@pytest.mark.case(37)
@pytest.mark.parametrize("events", [5_000, pytest.param(100_000, marks=pytest.mark.torture)])
async def test_distinct_categories_share_one_counter_beyond_the_bound_and_totals_stay_exact(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    most = await keys_seen(data_dir, monkeypatch, "category", events)

    # The categories of the day, and the signatures of each category until they are flushed.
    assert LABELS_MAX < most < max(2_000 * 4, events // 50)
    stored = oracle.check(data_dir)
    categories = oracle.read(
        data_dir / "telemetry.db", "SELECT count(*), sum(value) FROM daily_stats WHERE metric LIKE 'category:%'"
    )
    assert categories == [(LABELS_MAX, len(stored))]
    assert len(stored) == events


@pytest.mark.case(40)
@pytest.mark.parametrize("name", ["signatureHash", "installationId"])
@pytest.mark.parametrize("events", [10_000, pytest.param(1_000_000, marks=pytest.mark.torture)])
async def test_distinct_signatures_and_installations_are_flushed_before_they_fill_the_memory(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str, events: int
) -> None:
    most = await keys_seen(data_dir, monkeypatch, name, events)

    # A flush is under way while more arrives, so more than the bound may wait: how much depends on the machine.
    assert most < max(2_000 * 4, events // 50)
    assert len(oracle.check(data_dir)) == events


def post_strangers(server: ServerProcess, firsts: range) -> None:
    """Post batches of events whose installations and signatures are all new."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        for first in firsts:
            body = distinct_events(datetime.now(UTC), first, "signatureHash", "installationId")
            connection.request("POST", "/v1/events", body)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"success":true,"eventsProcessed":100}')


@pytest.mark.case(40)
@pytest.mark.parametrize("events", [20_000, pytest.param(1_000_000, marks=pytest.mark.torture)])
def test_a_server_that_meets_nothing_but_strangers_takes_less_memory_than_its_unit_grants(
    data_dir: Path, events: int
) -> None:
    granted = directives("drift-telemetry@.service")["MemoryHigh"]
    shares = [range(client * BATCH_EVENTS, events, CLIENTS * BATCH_EVENTS) for client in range(CLIENTS)]
    with serving(data_dir) as server:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(post_strangers, [server] * CLIENTS, shares))
        peak_bytes = usage(server.pid).rss_peak_bytes
        assert server.stop() == 0

    assert peak_bytes < int(granted.removesuffix("M")) * 2**20
    # A recount of so many would take longer than all the rest; they are recounted above.
    counted = "SELECT count(*), sum(occurrence_count), (SELECT count(*) FROM installations) FROM pattern_signatures"
    signatures = min(events, SIGNATURES_MAX + 1)  # and `other`
    assert oracle.read(data_dir / "telemetry.db", counted) == [(signatures, events, events)]
    assert sum(len(oracle.read(path, "SELECT id FROM events")) for path in data_dir.glob("events/*.db")) == events


@pytest.mark.parametrize(
    ("events", "bytes_max"), [(100_000, 110e6), pytest.param(400_000, 200e6, marks=pytest.mark.torture)]
)
def test_a_start_amid_much_traffic_takes_no_more_memory_than_the_traffic_did(
    data_dir: Path, events: int, bytes_max: float
) -> None:
    now = datetime.now(UTC)
    succeed("migrate", "--data-dir", data_dir)
    make_segment(data_dir / "events" / f"{now:%Y-%m-%d}.db", events, f"{now:%H:%M:%S}")
    with serving(data_dir) as server:
        peak_bytes = usage(server.pid).rss_peak_bytes
    assert peak_bytes < bytes_max
