"""What ``/v1/stats`` tells the public: live counts of known events, and all else of closed days, within bounds."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from telemetry.published.closed_days import ClosedNumbers, public_stats
from telemetry.published.fitting import METRICS_BYTES_MAX, SHOWN_LABELS_MAX, fitted
from telemetry.running import Running
from tests.support.events import Fields, encode, installation_id, make_event, timestamp
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

# A Monday, and the first day of four weeks.
FIRST = "2026-11-02T12:00:00"
DOCUMENT_BYTES_MAX = 30_000


async def poll(started: Running) -> dict[str, Any]:
    await started.publisher.flush()
    document = json.loads(started.publisher.stats.body)
    assert len(started.publisher.stats.body) <= DOCUMENT_BYTES_MAX
    del document["generatedAt"], document["asOf"]
    return document  # type: ignore[no-any-return]


async def accept(started: Running, *events: Fields) -> None:
    await started.service.accept(encode(list(events)))


def telling(hand: HandClock, event_type: str = "pattern_signature", **changes: Any) -> Fields:
    """Return an event that tells who sent it, if its labels are shown."""
    fields = {"category": "auth", "language": "cobol"} if event_type == "pattern_signature" else {}
    sent = timestamp(hand.now, milliseconds=-1)
    return make_event(event_type, **({"timestamp": sent, "driftVersion": "0.9.77"} | fields | changes))


async def test_two_polls_around_a_batch_tell_how_many_events_of_known_types_came_and_nothing_else(
    data_dir: Path,
) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(8):
            await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
        before = await poll(started)
        await accept(started, telling(hand), telling(hand, "scan_completion"), telling(hand, "invented_type"))
        after = await poll(started)

    assert before["labelsAsOf"] == "2026-11-09"
    assert any(metric.startswith("version:0.9.48") for metric in before["metrics"])
    assert any(metric.startswith("category:") for metric in before["metrics"])
    assert before["metrics"]["unique_installations"] == 8 * 12
    assert before["metrics"]["new_installations"] == 12
    assert before["activeInstallations"] == {"1": 12, "7": 12, "30": 0}
    assert after.pop("totalEvents") - before.pop("totalEvents") == 3
    changed = {
        name: count - before["metrics"].get(name, 0)
        for name, count in after.pop("metrics").items()
        if before["metrics"].get(name) != count
    }
    del before["metrics"]
    assert changed == {"events:pattern_signature": 1, "events:scan_completion": 1, "events:other": 1}
    assert after == before


async def test_one_event_with_a_known_id_tells_not_whether_its_installation_takes_part(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    member, stranger = installation_id(3), installation_id(4_711)
    differences = []
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
        for whose in (member, stranger):
            before = await poll(started)
            await accept(started, telling(hand, installationId=whose))
            after = await poll(started)
            changed = {name: after[name] for name in after if name != "metrics" and after[name] != before[name]}
            sums = before["metrics"].items() ^ after["metrics"].items()
            differences.append(({*changed} - {"totalEvents"}, {name for name, _ in sums}))

    assert differences == [(set(), {"events:pattern_signature"})] * 2


async def test_no_label_of_strangers_is_public_also_if_many_send_it(data_dir: Path) -> None:
    hand = HandClock(FIRST)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(8):
            for number in range(9):
                fields = {"category": "very-rude-word", "language": "other", "installationId": installation_id(number)}
                await accept(started, telling(hand, **fields), telling(hand, "very_rude_word", **fields))
            await started.publisher.flush()
            hand.pass_time(DAY_S)
            await started.upkeep.sealer.check()
        await started.upkeep.closer.check()
        document = await poll(started)

    assert document["metrics"]["category:other"] == document["metrics"]["language:other"] == 9
    assert document["metrics"]["version:0.9.77"] == 7 * 9
    assert document["metrics"]["events:other"] == 8 * 9
    assert "rude" not in json.dumps(document)


async def test_statistics_are_made_anew_when_windows_were_published(data_dir: Path) -> None:
    hand, crowd = HandClock(FIRST), Crowd(1)
    async with service(data_dir, hand, **production()) as started:
        await pass_crowded_day(started, hand, crowd, range(12))
        assert (await poll(started))["labelsAsOf"] is None
        etag = started.publisher.stats.etag
        await started.upkeep.closer.check()
        assert (await poll(started))["labelsAsOf"] == "2026-11-02"
        assert started.publisher.stats.etag != etag


async def test_in_development_everything_is_live_and_within_bounds(data_dir: Path) -> None:
    hand = HandClock(FIRST)
    async with service(data_dir, hand, daily_labels_max=1_000) as started:
        for start in range(0, 600, 100):
            numbers = range(start, start + 100)
            await accept(started, *(telling(hand, category=f"{number}-{'x' * 58}") for number in numbers))
        await accept(started, *(telling(hand, category="other") for _ in range(3)))
        document = await poll(started)

    metrics = document["metrics"]
    shown = [name for name in metrics if name.startswith("category:")]
    assert 100 < len(shown) <= SHOWN_LABELS_MAX
    assert metrics["category:other (label)"] == 3
    assert document["folded"] == {"category": 601 - (len(shown) - 1)}
    assert sum(metrics[name] for name in shown) == document["totalEvents"] == 603
    assert metrics["language:cobol"] == 603
    assert document["labelsAsOf"] is None


@pytest.mark.parametrize("other", [0, 1])
@pytest.mark.parametrize("labels", [1, 199, 200, 201, 5_000])
def test_what_is_folded_is_still_counted(labels: int, other: int) -> None:
    sums = [(f"version:{number}", number + 1) for number in range(labels)] + [("version:other", 7)] * other

    metrics, folded = fitted([*sums, ("unique_installations", 3)])

    assert sum(metrics.values()) == sum(count for _, count in sums) + 3
    assert len(metrics) - 1 <= SHOWN_LABELS_MAX
    named = sum(name not in {"version:other", "unique_installations"} for name in metrics)
    assert folded.get("version", 0) == labels - named
    assert bool(folded) == (labels + other > SHOWN_LABELS_MAX)
    assert sorted(metrics.values(), reverse=True) == list(metrics.values())


def test_the_public_statistics_of_the_widest_closed_days_are_small_and_made_fast() -> None:
    prefixes = ("version", "language", "category")
    sums = {f"{prefix}:{number:064}": number + 1 for number in range(2_000) for prefix in prefixes}
    closed = ClosedNumbers("2026-11-22", *fitted(sums.items()))
    events = [(f"events:{number:064}", 5) for number in range(6_000)]

    stats, seconds = public_stats(events, closed), []
    for _ in range(3):
        began = time.process_time()
        public_stats(events, closed)
        seconds.append(time.process_time() - began)

    # 10 ms on a machine of its own; this one measures coverage, too, and may collect what other tests have left.
    assert min(seconds) < 0.05
    assert sum(stats.metrics.values()) == sum(sums.values()) + 30_000
    assert stats.metrics["events:other"] == stats.total_events == 30_000
    assert len(json.dumps(stats.metrics)) < METRICS_BYTES_MAX + 2_000
