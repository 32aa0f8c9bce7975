"""An exclusion that is undone: new events count, what was erased stays erased."""

from pathlib import Path

from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.storage.erasure.test_recounts_after_erasing import A, errors, send
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.service import HandClock, service


async def test_new_events_count_again_and_erased_ones_stay_erased(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        erase = started.upkeep.eraser.erase
        assert not (await erase(ErasureRequest(A, ErasureKind.UNDO))).undone
        await send(started, hand, A)
        await erase(ErasureRequest(A, ErasureKind.EXCLUDE))
        await send(started, hand, A)
        assert oracle.raw_events(data_dir) == []
        assert (await erase(ErasureRequest(A, ErasureKind.UNDO, dry_run=True))).undone
        await send(started, hand, A)
        assert oracle.raw_events(data_dir) == []
        assert (await erase(ErasureRequest(A, ErasureKind.UNDO))).undone
        await send(started, hand, A)
        await started.publisher.flush()
        assert await errors(data_dir, hand) == []

    assert len(oracle.raw_events(data_dir)) == 2
    assert "not excluded" in succeed("exclude", A, "--undo", "--data-dir", data_dir)
    succeed("exclude", A, "--data-dir", data_dir)
    assert "counted again" in succeed("exclude", A, "--undo", "--data-dir", data_dir)


def test_a_backup_that_is_older_than_the_undoing_does_not_bring_the_exclusion_back(data_dir: Path) -> None:
    succeed("migrate", "--data-dir", data_dir)
    backups = data_dir.with_name("backups")
    succeed("exclude", A, "--data-dir", data_dir)
    succeed("backup", backups, "--data-dir", data_dir)
    succeed("exclude", A, "--undo", "--data-dir", data_dir)
    succeed("restore", backups, "--to", data_dir, "--force")

    assert oracle.read(data_dir / "telemetry.db", "SELECT kind FROM erasures") == [("forget",)]
