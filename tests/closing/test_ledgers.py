"""The ledger of a window is of the rows that are public, whatever would be made of its events by now."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from telemetry.published.label_file import decide
from telemetry.published.labels import LabelKind
from telemetry.published.proof import unproved
from telemetry.storage.directory.data_directory import DataDirectory
from tests.support import oracle
from tests.support.publishing import Crowd, pass_crowded_day, production, published_bytes
from tests.support.service import HandClock, service

FIRST = "2026-11-02T12:00:00"
RECORDED = "SELECT window_start, state, digest, ledger FROM published_windows ORDER BY 1"


async def _publish_again_unrecorded(data_dir: Path, hand: HandClock) -> list[tuple[Any, ...]]:
    """Have the service close what it has published and, killed just then, not recorded."""
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection, connection:
        connection.execute("UPDATE published_windows SET state = 'closing', digest = NULL, ledger = NULL")
    async with service(data_dir, hand, **production()) as started:
        await started.upkeep.closer.check()
    return oracle.read(data_dir / "telemetry.db", RECORDED)


async def test_a_ledger_that_is_not_of_the_published_rows_is_not_recorded(data_dir: Path) -> None:
    hand, directory = HandClock(FIRST), DataDirectory(data_dir)
    async with service(data_dir, hand, **production()) as started:
        for _ in range(2):
            await pass_crowded_day(started, hand, Crowd(1), range(12))
        await started.upkeep.closer.check()
    once, recorded = published_bytes(data_dir), oracle.read(data_dir / "telemetry.db", RECORDED)

    assert await _publish_again_unrecorded(data_dir, hand) == recorded
    # The second day has rows that this changes, the first one, when all installations were new, has none.
    decide(directory.public_labels, LabelKind.TYPE, "user_action", admitted=False)
    first, second = await _publish_again_unrecorded(data_dir, hand)
    assert published_bytes(data_dir) == once
    assert first == recorded[0]
    assert second == (*recorded[1][:3], "{}")
    assert not unproved(directory)
