"""What `check` says of public numbers that were published and wait for a correction."""

from pathlib import Path

from telemetry.published.examination import check_published
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import installation_id
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service


async def test_windows_that_wait_for_a_correction_are_not_late(data_dir: Path) -> None:
    hand, crowd = HandClock("2026-11-16T12:00:00"), Crowd(1)
    sentence = "3 windows up to 2026-11-18 still count an excluded installation or deleted days"

    def found() -> list[tuple[str, str]]:
        # A day later: what has ended by now is late then.
        checked = check_published(DataDirectory(data_dir), hand.clock.now() + DAY_S)
        return [(one.severity, one.sentence.partition(":")[0]) for one in checked]

    async with service(data_dir, hand, **production()) as started:
        for _ in range(3):
            await pass_crowded_day(started, hand, crowd, range(12))
        await started.upkeep.closer.check()
        assert found() == []
        for kind in (ErasureKind.EXCLUDE, ErasureKind.UNDO):
            await started.upkeep.eraser.erase(ErasureRequest(installation_id(3), kind))
            await started.upkeep.sealer.check()
            await started.upkeep.closer.check()
            assert found() == [("note", sentence)]
    succeed("delete", "--from", "2026-11-16", "--to", "2026-11-16", "--data-dir", data_dir)
    assert found() == [("note", sentence)]

    async with service(data_dir, hand, **production()) as started:
        await pass_crowded_day(started, hand, crowd, range(12))
        assert [severity for severity, _ in found()] == ["warning", "note"]
        await started.upkeep.closer.check()
    assert found() == []
    days = "SELECT window_start FROM activity_daily ORDER BY 1"
    assert oracle.read(data_dir / "published.db", days) == [("2026-11-17",), ("2026-11-18",), ("2026-11-19",)]
