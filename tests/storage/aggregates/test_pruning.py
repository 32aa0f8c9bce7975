"""Pruning folds rows of signatures into one, and every recount agrees."""

import json
from pathlib import Path

import pytest

from telemetry.storage.aggregates.pruning import PruneRequest
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.storage.aggregates.test_new_rows import counts, flush
from tests.storage.erasure.test_recounts_after_erasing import A, B, errors
from tests.support.commands import run, succeed
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service


async def test_rows_last_seen_before_a_day_are_counted_together_and_stay_so(data_dir: Path) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await flush(started, hand, "aa", "aa", "bb", "cc")
        await started.upkeep.eraser.erase(ErasureRequest(A, ErasureKind.FORGET))
        await flush(started, hand, "aa", "dd", installation=B)
        hand.pass_time(DAY_S)
        await flush(started, hand, "bb", installation=B)
        prune, before = started.upkeep.orders.prune, "2026-11-21"
        planned = await prune(PruneRequest(before, events_max=2, dry_run=True))
        assert (planned.rows, planned.events) == (2, 2)
        assert counts(data_dir) == {"aa": 3, "bb": 2, "cc": 1, "dd": 1}
        done = await prune(PruneRequest(before, events_max=2))
        assert (done.rows, done.events, done.finished) == (2, 2, True)
        assert counts(data_dir) == {"aa": 3, "bb": 2, "other": 2}
        assert await errors(data_dir, hand) == []
        await prune(PruneRequest("2027-01-01"))
        # What was seen today stays.
        assert counts(data_dir) == {"bb": 2, "other": 5}
        await flush(started, hand, "aa", "bb", installation=B)
        hand.jump(-DAY_S)
        await flush(started, hand, "cc", "ee", "bb", installation=B)
        assert counts(data_dir) == {"aa": 1, "bb": 4, "other": 7}
        assert await errors(data_dir, hand) == []
        await started.upkeep.eraser.erase(ErasureRequest(B, ErasureKind.EXCLUDE))
        assert counts(data_dir) == {"bb": 1, "other": 3}
        assert await errors(data_dir, hand) == []


async def test_many_rows_are_folded_some_at_a_time(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.storage.aggregates.pruning._ROWS_PER_CHANGE", 3)
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await flush(started, hand, *(f"{number:02x}" for number in range(20)))
        hand.pass_time(DAY_S)
        assert (await started.upkeep.orders.prune(PruneRequest("2026-11-21"))).rows == 20
        assert await errors(data_dir, hand) == []

    assert counts(data_dir) == {"other": 20}


async def test_the_command_prunes_without_a_service_and_refuses_days_to_come(data_dir: Path) -> None:
    async with service(data_dir, hand := HandClock("2026-11-20T12:00:00")) as started:
        await flush(started, hand, "aa", "bb")
    told = ("--before", "2026-11-21", "--data-dir", data_dir)
    assert "2 signatures by their labels of 2 events would be" in succeed("prune", "--dry-run", *told)
    assert json.loads(succeed("prune", "--json", *told))["rows"] == 2
    refused = run("prune", "--before", "2999-01-01", "--data-dir", data_dir)

    assert counts(data_dir) == {"other": 2}
    assert refused.returncode == 2
    assert "is to come" in refused.stderr
