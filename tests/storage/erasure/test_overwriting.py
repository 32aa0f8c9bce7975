"""What an erasure leaves in unused bytes is overwritten in place, while appends and flushes go on."""

import asyncio
import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.sqlite.scrubbing import scrub
from tests.storage.erasure.test_erasing import VANDAL, files_with, of_vandal
from tests.storage.erasure.test_recounts_after_erasing import errors
from tests.support.events import Traffic, encode, installation_id
from tests.support.oracle import read
from tests.support.service import HandClock, service


def among(path: Path, texts: list[str]) -> list[str]:
    """Return the texts that a file holds anywhere."""
    content = path.read_bytes()
    return [text for text in texts if text.encode() in content]


async def test_copies_in_unused_bytes_go_and_do_not_come_back_with_the_next_change(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    aggregates = await Aggregates.open(path, synchronous="NORMAL")
    columns = len(read(path, "PRAGMA table_info(installations)"))
    add = f"INSERT INTO installations VALUES (?{', 1' * (columns - 1)})"
    delete = "DELETE FROM installations WHERE installation_id = ?"
    ids = [installation_id(number * 7919 % 3_001) for number in range(1, 3_000)]
    async with aggregates.change() as connection:
        # As an older program deleted: what was there is left.
        await connection.execute_fetchall("PRAGMA secure_delete = OFF")
        await connection.executemany(add, [(one,) for one in ids])
        await connection.executemany(delete, [(one,) for one in ids[::3]])
    await aggregates.empty_log()
    left = among(path, ids[::3])
    assert left

    class Held:
        async def __aenter__(self) -> Aggregates:
            return aggregates

        async def __aexit__(self, *_: object) -> None:
            return None

    await scrub(path, Held, left, asyncio.Event())
    assert among(path, left) == []
    async with aggregates.change() as connection:
        await connection.execute("UPDATE installations SET days_seen = 2")
    await aggregates.empty_log()
    assert among(path, left) == []
    await scrub(path, Held, [], asyncio.Event())
    await aggregates.close()
    assert read(path, "PRAGMA integrity_check") == [("ok",)]
    assert read(path, "SELECT count(*) FROM installations") == [(len(ids) - len(ids[::3]),)]


async def test_an_erasure_that_was_interrupted_goes_on_with_the_day_after_the_last_that_is_done(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(of_vandal(Traffic(seed=1, moment=hand.now).batch(5))))
        hand.pass_time(86_400)
        await started.service.accept(encode(of_vandal(Traffic(seed=2, moment=hand.now).batch(5))))
        eraser = started.upkeep.eraser
        delete, days = eraser._events.delete, []

        async def interrupted(day: str, ids: Collection[str], requested_at: str) -> None:
            days.append(day)
            if len(days) > 1:
                raise sqlite3.OperationalError("disk I/O error")
            await delete(day, ids, requested_at)

        monkeypatch.setattr(eraser._events, "delete", interrupted)
        with pytest.raises(sqlite3.OperationalError):
            await eraser.erase(ErasureRequest(VANDAL, ErasureKind.FORGET))
        found = read(data_dir / "telemetry.db", "SELECT installation_ids, done_through FROM erasing")
        assert found == [(json.dumps([VANDAL]), "2026-11-20")]
        assert await errors(data_dir, hand) == []
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
        assert files_with(data_dir, VANDAL) == []
        assert await errors(data_dir, hand) == []

    assert read(data_dir / "telemetry.db", "SELECT * FROM erasing") == []
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        finished = "SELECT finished_at IS NOT NULL FROM erasures WHERE installation_sha256 = ?"
        assert connection.execute(finished, (hashed(VANDAL),)).fetchall() == [(1,)]
