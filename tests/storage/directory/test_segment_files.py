"""Case 44: what lies beside the segments and is none is ignored and reported; so is what this user cannot open."""

import os
import shutil
from pathlib import Path

import pytest

from telemetry.errors import Refusal
from telemetry.operator_errors import SegmentUnusableError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.file_sizes import measure
from telemetry.storage.directory.segment_files import check_usable, is_day
from telemetry.storage.log.archive import Archive
from telemetry.storage.maintenance.backup import back_up
from tests.support import oracle
from tests.support.cli import DAYS, fill
from tests.support.events import Traffic, encode
from tests.support.examining import examined
from tests.support.segments import segment
from tests.support.service import HandClock, service

pytestmark = pytest.mark.case(44)

LATER = "2026-11-24T10:00:00"
NOT_DAYS = ("2026-13-45", "2026-02-29", "abcd-ef-gh", "0000-00-00", "20261123", "2026-W47-1", "2026-11-23 copy")


def test_only_a_day_of_the_calendar_is_a_day() -> None:
    assert is_day("2026-11-23")
    assert is_day("2028-02-29")
    assert not any(map(is_day, NOT_DAYS))


def add_foreign(data_dir: Path) -> list[str]:
    """Put what is no segment beside the segments; return its names."""
    events = data_dir / "events"
    for name in NOT_DAYS:
        shutil.copy(events / f"{DAYS[0]}.db", events / f"{name}.db")
    (events / "2026-11-20.db").mkdir()
    (events / "2026-11-19.db").symlink_to(events / f"{DAYS[0]}.db")
    os.mkfifo(events / "2026-11-18.db")
    (events / "notes.txt").touch()
    return [*(f"{name}.db" for name in NOT_DAYS), "2026-11-18.db", "2026-11-19.db", "2026-11-20.db"]


async def test_files_of_no_real_day_are_ignored_and_reported(
    data_dir: Path, backups: Path, caplog: pytest.LogCaptureFixture
) -> None:
    accepted = await fill(data_dir)
    names = add_foreign(data_dir)
    directory, hand = DataDirectory(data_dir), HandClock(LATER)
    async with service(data_dir, hand, retention_days=1) as started:
        await started.upkeep.sealer.check()
        for _ in range(2):
            hand.pass_time(3_600)
            await started.upkeep.retention.check()
        stats = started.service.stats().body
    assert b'"totalEvents":%d' % len(accepted) in stats
    assert directory.days() == [DAYS[1]]
    assert measure(directory).segments == 1
    ignored = [record.__dict__["path"] for record in caplog.records if "is ignored" in record.message]
    assert sorted(ignored) == sorted(str(data_dir / "events" / name) for name in names)

    found = await examined(data_dir, hand.clock)
    reported = {finding.subject for finding in found.findings if "is ignored" in finding.sentence}
    assert reported == {f"events/{name}" for name in names}
    made = back_up(directory, backups, hand.clock)
    assert [file.name for file in made.manifest.files] == [
        "telemetry.db",
        f"events/{DAYS[1]}.db",
        "id.key",
        "node.json",
    ]


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
async def test_what_stands_in_the_way_of_todays_segment_refuses_events_until_it_is_gone(
    data_dir: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    path = segment(data_dir, "2026-11-23")
    body = encode(Traffic(moment=hand.now).batch(4))
    async with service(data_dir, hand) as started:
        if kind == "folder":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(data_dir / "elsewhere.db")
        else:
            os.mkfifo(path)
        with pytest.raises(Refusal, match="Storage is failing"):
            await started.service.accept(body)
        assert started.service.failing() == "storage_error"
        if kind == "folder":
            path.rmdir()
        else:
            path.unlink()
        await started.service.accept(body)
    assert len(oracle.check(data_dir)) == 4
    assert "not a regular file: move it away" in " ".join(str(record.__dict__) for record in caplog.records)


async def test_a_segment_that_cannot_be_opened_neither_stops_the_service_nor_is_lost(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(data_dir)
    shut = {str(segment(data_dir, day)) for day in DAYS}
    access = os.access
    with monkeypatch.context() as patch:
        # To root, every file is open.
        patch.setattr(os, "access", lambda path, mode, **how: str(path) not in shut and access(path, mode, **how))
        hand = HandClock(LATER)
        async with service(data_dir, hand, retention_days=1) as started:
            await started.service.accept(encode(Traffic(seed=9, moment=hand.now).batch(5)))
            hand.pass_time(3_600)
            await started.upkeep.retention.check()
            with pytest.raises(SegmentUnusableError, match=r"run `chmod 600 "):
                await archive_of(started).lend(DAYS[0])
    reported = {record.__dict__["day"] for record in caplog.records if "cannot be used" in record.message}
    assert reported == set(DAYS)

    async with service(data_dir, hand):
        pass
    oracle.check(data_dir)


def archive_of(started: object) -> Archive:
    archive = started.upkeep.sealer._archive  # type: ignore[attr-defined]
    assert isinstance(archive, Archive)
    return archive


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file to another user")
def test_the_command_that_mends_another_owner_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data" / "events" / "2026-11-23.db"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    os.chown(path, 1, 1)
    # As another user than root would find it.
    monkeypatch.setattr(os, "access", lambda opened, _mode, **_how: opened != path)
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    with pytest.raises(SegmentUnusableError, match=f"run `chown --reference={tmp_path}/data {path}` as root"):
        check_usable(path, to_write=True)


async def test_check_never_advises_to_change_what_a_link_among_the_segments_leads_to(
    data_dir: Path, tmp_path: Path
) -> None:
    await fill(data_dir)
    foreign = tmp_path / "passwd"
    foreign.touch(mode=0o644)
    if os.geteuid() == 0:
        os.chown(foreign, 1, 1)
    aside = data_dir / "before-restore-2026-11-20T000000Z" / "events"
    aside.mkdir(mode=0o700, parents=True)
    aside.parent.chmod(0o700)
    for link in (data_dir / "events" / "2026-11-19.db", aside / "2026-11-19.db"):
        link.symlink_to(foreign)
    (data_dir / "events" / "2026-11-20.db").mkdir(mode=0o755)

    found = await examined(data_dir, HandClock(LATER).clock)
    assert [finding for finding in found.findings if "run `ch" in finding.sentence] == []
    assert not found.failed
