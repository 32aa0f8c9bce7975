"""``telemetry published``, ``telemetry labels`` and what ``check`` says of windows that are late."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support import oracle
from tests.support.commands import run, succeed
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.segments import segment
from tests.support.service import HandClock, service

FIRST = "2026-11-02T12:00:00"


async def test_the_operator_sees_what_is_public_and_decides_about_labels(data_dir: Path) -> None:
    hand, crowd, here = HandClock(FIRST), Crowd(1), ("--data-dir", data_dir)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            await pass_crowded_day(started, hand, crowd, range(30), events=8)
    late = json.loads(run("check", "--json", *here).stdout)["findings"]
    assert [one["severity"] for one in late if one["subject"] == "published numbers"] == ["warning"]

    candidates = json.loads(succeed("labels", "list", "--json", *here))["candidates"]
    found = {(one["kind"], one["label"]): one["installations"] for one in candidates}
    assert found["framework", "express"] > 5
    assert ("language", "cobol") in found
    assert ("language", "ts") not in found
    assert "admitted" not in succeed("labels", "list", *here)
    succeed("labels", "admit", "type", "invented_type", *here)
    succeed("labels", "hide", "type", "user_action", *here)
    assert "admitted: type invented_type" in succeed("labels", "list", *here)

    # To a day whose windows have all ended by the clock that `check` reads.
    hand.pass_time(20 * 86_400)
    async with service(data_dir, hand, **production()) as started:
        await started.upkeep.closer.check()
    types = {row[0] for row in oracle.read(data_dir / "published.db", "SELECT DISTINCT type FROM events")}
    assert "invented_type" in types
    assert "user_action" not in types
    assert "published numbers" not in run("check", *here).stdout

    shown = json.loads(succeed("published", "--json", *here))
    (events,) = [one for one in shown if (one["series"], one["start"]) == ("events", "2026-11-03")]
    assert events["named"] + events["other"] + events["withheld"] == 240
    (first,) = [one for one in shown if (one["series"], one["start"]) == ("events", "2026-11-02")]
    assert first["aside"] == {"first_day": 240}
    assert "events (2)" in succeed("published", *here)
    assert "2026-11-03  published" in succeed("published", "--series", "versions", *here)


async def test_check_finds_windows_whose_events_are_not_what_was_counted(data_dir: Path) -> None:
    hand = HandClock(FIRST)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            await pass_crowded_day(started, hand, Crowd(1), range(-1, 12))
        hand.pass_time(28 * 86_400)
        await started.upkeep.closer.check()
    assert "published numbers" not in run("check", "--data-dir", data_dir).stdout

    changed = segment(data_dir, "2026-11-03")
    changed.chmod(0o600)
    with closing(sqlite3.connect(changed)) as connection, connection:
        connection.execute("DELETE FROM events WHERE id = (SELECT max(id) FROM events WHERE type = 'scan_completion')")
    changed.chmod(0o400)
    printed = run("check", "--data-dir", data_dir).stdout
    assert "events of the window from 2026-11-03 counted 60 events, and its days hold 59" in printed
    assert "durations of the window from 2026-11-03" in printed
    assert "patterns" not in printed


def test_labels_and_published_say_what_is_wrong(tmp_path: Path) -> None:
    assert run("published", "--data-dir", tmp_path).returncode == 66
    assert run("labels", "admit", "colour", "red", "--data-dir", tmp_path).returncode == 2
