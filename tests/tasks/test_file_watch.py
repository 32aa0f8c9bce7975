"""Case 43: a file that is removed or replaced while the service runs is noticed, and what it held comes back."""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry.errors import Refusal
from telemetry.operator_errors import StorageFailedError
from telemetry.running import Running
from telemetry.tasks import file_watch
from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import Traffic, encode
from tests.support.examining import examined
from tests.support.segments import segment
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service

pytestmark = pytest.mark.case(43)

DAY = "2026-11-23"
NOTICED_WITHIN_S = 2.0


def remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()


def remove_database_alone(path: Path) -> None:
    path.unlink()


def remove_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


LOSSES = {"removed": remove, "removed without its log": remove_database_alone, "without its log": remove_log}
losses = pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES.keys())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(NOTICED_WITHIN_S):
        while not condition():  # noqa: ASYNC110 - the service gives no sign of it
            await asyncio.sleep(0.02)


async def noticed(started: Running) -> None:
    await until(lambda: started.service.failing() is not None)
    assert started.service.failing() == "storage_error"


def files_saved(data_dir: Path) -> list[str]:
    return [path.name for path in data_dir.rglob("*-saved*")]


def move(path: Path, target: Path) -> None:
    path.rename(target)


async def refused(started: Running, body: bytes) -> None:
    with pytest.raises(Refusal, match="Storage is failing"):
        await started.service.accept(body)


@losses
async def test_an_event_after_todays_segment_was_lost_is_refused_and_all_before_come_back(
    data_dir: Path, lose: Callable[[Path], None]
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    bodies = [encode(traffic.batch(10)) for _ in range(3)]
    async with service(data_dir, hand) as started:
        for body in bodies[:2]:
            await started.service.accept(body)
        lose(segment(data_dir, DAY))
        # Not even the first one is taken for stored.
        await refused(started, bodies[2])
        await noticed(started)
        await refused(started, bodies[2])
    async with service(data_dir, hand) as started:
        assert started.service.failing() is None
        await started.service.accept(bodies[2])
        assert started.sources.replay.events_missing == 0
    assert len(oracle.check(data_dir)) == 30
    assert not files_saved(data_dir)


@losses
async def test_aggregates_that_were_lost_are_noticed_and_come_back(
    data_dir: Path, lose: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(10)))
        await started.publisher.flush()
        lose(data_dir / "telemetry.db")
        await noticed(started)
        await refused(started, encode(traffic.batch(10)))
    assert "a file is not in its place, events are refused: put it back, or restart the service" in caplog.messages
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(10)))
    assert len(oracle.check(data_dir)) == 20


async def test_a_file_that_was_replaced_stays_and_what_the_open_one_held_can_be_imported(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(10)))
    path = segment(data_dir, DAY)
    shutil.copy(path, data_dir / "older.db")
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(5)))
        (data_dir / "older.db").replace(path)
        await noticed(started)
        await refused(started, encode(traffic.batch(1)))
    found = await examined(data_dir, hand.clock)
    (saved,) = [finding for finding in found.findings if finding.subject == f"events/{DAY}.db-saved"]
    assert f"`telemetry import d1 {path}-saved`" in saved.sentence

    async with service(data_dir, hand) as started:
        assert started.sources.replay.events_missing == 5
    assert "5 added" in succeed("import", "d1", f"{path}-saved", "--data-dir", data_dir)


async def test_a_folder_that_was_moved_is_waited_for_and_nothing_is_saved(data_dir: Path) -> None:
    hand = HandClock()
    traffic = Traffic(moment=hand.now)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(traffic.batch(10)))
        move(data_dir, data_dir.with_name("elsewhere"))
        await noticed(started)
        await refused(started, encode(traffic.batch(1)))
        move(data_dir.with_name("elsewhere"), data_dir)
        await until(lambda: started.service.failing() is None)
        await started.service.accept(encode(traffic.batch(10)))
    assert len(oracle.check(data_dir)) == 20


async def test_a_file_that_is_back_in_its_place_needs_no_copy(data_dir: Path) -> None:
    hand = HandClock()
    path = segment(data_dir, DAY)
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(10)))
        path.rename(data_dir / "aside")
        saved = path.with_name(f"{path.name}-saved")
        await until(saved.exists)
        (data_dir / "aside").rename(path)
        await until(lambda: started.service.failing() is None)
        assert not saved.exists()
    assert len(oracle.check(data_dir)) == 10


async def test_the_service_ends_when_a_restart_is_due(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "SAVING_GRACE_S", 0.0)
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(10)))
        shutil.rmtree(data_dir)
        done, _ = await asyncio.wait(started.tasks, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        (ended,) = done
        with pytest.raises(StorageFailedError, match="what it held is saved: start it again"):
            ended.result()
    async with service(data_dir, hand):
        pass
    assert len(oracle.check(data_dir)) == 10


async def test_a_key_that_is_removed_is_written_again(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand):
        key = (data_dir / "id.key").read_bytes()
        (data_dir / "id.key").unlink()
        await until((data_dir / "id.key").exists)
        assert (data_dir / "id.key").read_bytes() == key
    async with service(data_dir, hand):
        pass


def test_a_running_service_says_so_and_a_kill_after_that_loses_nothing(data_dir: Path) -> None:
    traffic = Traffic()
    with serving(data_dir) as server:
        assert server.post(encode(traffic.batch(10))).status == 200
        (path,) = (data_dir / "events").glob("*.db")
        remove(path)
        assert server.post(encode(traffic.batch(10))).status == 503
        wait_for_copy(server, path)
        health = server.request("GET", "/v1/health")
        assert (health.status, health.json["reason"]) == (503, "storage_error")
        assert "a file is not in its place" in " ".join(server.output)
        server.kill()
    with serving(data_dir) as server:
        assert server.post(encode(traffic.batch(10))).status == 200
        assert server.stop() == 0
    assert len(oracle.check(data_dir)) >= 20


def wait_for_copy(server: ServerProcess, path: Path) -> None:
    until = time.monotonic() + 10
    while not path.with_name(f"{path.name}-saved").exists():
        assert time.monotonic() < until, server.output
        time.sleep(0.05)
