"""Bugs that are planted on purpose, and that the oracle of public numbers must find."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from telemetry.closing.job import run
from telemetry.published import field_tallies, folding
from telemetry.published.closings import Closing, Job
from telemetry.published.field_tallies import by_category
from telemetry.published.windows import Period
from telemetry.storage.directory.data_directory import DataDirectory
from tests.support import oracle
from tests.support.public_oracle import check_published
from tests.support.publishing import Crowd, pass_crowded_day, production, published_bytes
from tests.support.service import HandClock, service

FIRST = "2026-11-02T12:00:00"


def _action_in_the_key(patch: pytest.MonkeyPatch) -> None:
    def key(labels: Any, version: Any, decided: Any) -> tuple[str, ...]:
        category, step = by_category(labels, version, decided)
        return category, f"{step} {decided.action}"

    patch.setitem(field_tallies._TALLIES, "decisions", lambda labels: field_tallies.DecisionsTally(labels, key))


def _other_of_one(patch: pytest.MonkeyPatch) -> None:
    whole = folding._decide

    def decide(parent: Any, children: Any, k: int, **options: bool) -> Any:
        folded = whole(parent, children, k, **options)
        return folded._replace(joined=frozenset(), whole=False, other=1) if folded.joined else folded

    patch.setattr(folding, "_decide", decide)


def _counts_first_days(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("telemetry.closing.segments.FirstDays.of", lambda _self, _installation: "2000-01-01")


def _shows_every_label(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("telemetry.published.labels.PublicLabels._find", lambda _self, _kind, sent: sent)


def _threshold_of_four(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folding, "_is_named", lambda node, k: node.installations >= k - 1)


BUGS = (_action_in_the_key, _other_of_one, _counts_first_days, _shows_every_label, _threshold_of_four)


async def test_planted_bugs_are_found(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand, crowd = HandClock(FIRST), Crowd(5)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(14), events=12)
        hand.pass_time(28 * 86_400)
        await started.upkeep.closer.check()
    events = oracle.raw_events(data_dir)
    last_ids = {day: max(event.id for event in events if event.day == day) for day in {event.day for event in events}}
    directory = DataDirectory(data_dir)
    four_weeks = Closing(Period.FOUR_WEEKS, "2026-11-02", last_ids)
    week = Closing(Period.WEEK, "2026-11-02", last_ids)
    days = [Closing(Period.DAY, day, {day: last_id}) for day, last_id in last_ids.items()]
    job = Job([*days, week, four_weeks], 5)

    assert check_published(data_dir, events)
    once = published_bytes(data_dir)
    for plant in BUGS:
        with monkeypatch.context() as patch:
            plant(patch)
            # What is published stays, even if it is made otherwise.
            run(directory, job)
            assert published_bytes(data_dir) == once
            directory.published.unlink()
            run(directory, job)
        assert _is_found(lambda: check_published(data_dir, events)), plant.__name__
        directory.published.unlink()
        run(directory, job)
        assert published_bytes(data_dir) == once
    # A day more than what is recorded, as if a window had been closed twice.
    more = Closing(Period.WEEK, "2026-11-02", dict(list(last_ids.items())[:1]))
    directory.published.unlink()
    run(directory, Job([*days, more, four_weeks], 5))
    assert _is_found(lambda: check_published(data_dir, events))
    # A correction replaces it.
    corrected = run(directory, Job([replace(one, generation=2) for one in job.closings], 5))
    assert check_published(data_dir, events)
    assert [one.digest for one in corrected.closed or ()] == [one.digest for one in run(directory, job).closed or ()]


def _is_found(check: Callable[[], object]) -> bool:
    try:
        check()
    except AssertionError:
        return True
    return False
