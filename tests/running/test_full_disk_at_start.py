"""Case 47 of the fault list: the service is started while its disk is full, and there is room again later."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.disks import fill, memory_disk, needs_root
from tests.support.events import Traffic, encode
from tests.support.http import eventually
from tests.support.load import Ledger
from tests.support.server import ServerProcess, serving

NO_FLUSHES = ("--flush-interval-s", "3600")
QUICK_FLUSHES = ("--flush-interval-s", "0.5")

MakeRoom = Callable[[ServerProcess], object]
Place = tuple[Path, Callable[[], Sequence[str]], MakeRoom]


@contextmanager
def full_disk(tmp_path: Path) -> Iterator[Place]:
    """A small disk: where its data is, what fills it and is put before a command, what makes room again."""
    with memory_disk(tmp_path / "disk", size="2m") as disk:

        def take_all() -> Sequence[str]:
            fill(disk)
            return ()

        yield disk / "data", take_all, lambda _server: (disk / "ballast").unlink()


@contextmanager
def without_files(tmp_path: Path) -> Iterator[Place]:
    """A disk that has room for bytes, and for no more files."""
    with memory_disk(tmp_path / "disk", size="8m,nr_inodes=40") as disk:

        def take_all() -> Sequence[str]:
            for number in range(100):
                try:
                    (disk / f"ballast-{number}").touch()
                except OSError:
                    break
            return ()

        def make_room(_server: ServerProcess) -> None:
            for ballast in disk.glob("ballast-*"):
                ballast.unlink()

        yield disk / "data", take_all, make_room


@contextmanager
def file_size_limit(tmp_path: Path) -> Iterator[Place]:
    """A limit of the size of files, which needs no root."""
    limited = ("prlimit", "--fsize=4096:unlimited")
    yield (
        tmp_path / "data",
        lambda: limited,
        lambda server: subprocess.run(["prlimit", "--pid", str(server.pid), "--fsize=unlimited"], check=True),
    )


def total(server: ServerProcess) -> int:
    stats = server.request("GET", "/v1/stats")
    assert stats.status == 200
    return int(stats.json["totalEvents"])


def live(data_dir: Path, ledger: Ledger, traffic: Traffic, *, killed: bool) -> int:
    """Leave forty events in the log; return how many of them are flushed."""
    with serving(data_dir, *NO_FLUSHES) as server:
        ledger.unanswered.append(encode(traffic.batch(20)))
        ledger.resend(server)
        assert server.stop() == 0
    with serving(data_dir, *NO_FLUSHES) as server:
        ledger.unanswered.append(encode(traffic.batch(20)))
        ledger.resend(server)
        if killed:
            server.kill()
            return 20
        assert server.stop() == 0
    return 40


@pytest.mark.case(47)
@pytest.mark.parametrize(
    ("kind", "killed"),
    [
        pytest.param(full_disk, False, marks=needs_root, id="disk, stopped"),
        pytest.param(full_disk, True, marks=needs_root, id="disk, killed"),
        pytest.param(file_size_limit, True, id="limit, killed"),
        pytest.param(file_size_limit, False, marks=pytest.mark.torture, id="limit, stopped"),
        pytest.param(without_files, False, marks=[needs_root, pytest.mark.torture], id="files, stopped"),
    ],
)
def test_a_start_without_room_serves_what_was_flushed_and_heals_when_there_is_room(
    tmp_path: Path, kind: Callable[[Path], AbstractContextManager[Place]], killed: bool
) -> None:
    traffic, ledger = Traffic(), Ledger()
    with kind(tmp_path) as (data_dir, take_all, make_room):
        flushed = live(data_dir, ledger, traffic, killed=killed)
        with serving(data_dir, *QUICK_FLUSHES, prefix=take_all()) as server:
            health = server.request("GET", "/v1/health")
            assert (health.status, health.json["reason"]) == (503, "storage_full")
            assert total(server) == flushed
            refused = server.post(encode(batch := traffic.batch(3)))
            assert (refused.status, refused.json["code"]) == (503, "storage_full")
            assert int(refused.headers["Retry-After"]) > 0
            ledger.unanswered.append(encode(batch))

            make_room(server)
            eventually(lambda: server.request("GET", "/v1/health").status == 200, within_s=15)
            eventually(lambda: total(server) == 40)
            ledger.unanswered.append(encode(traffic.batch(3)))
            ledger.resend(server)
            assert server.stop() == 0
        ledger.check(data_dir)


@pytest.mark.case(47)
@needs_root
def test_a_stop_while_there_is_no_room_is_quick_and_looking_commands_name_the_disk(tmp_path: Path) -> None:
    traffic, ledger = Traffic(), Ledger()
    with full_disk(tmp_path) as (data_dir, take_all, _make_room):
        live(data_dir, ledger, traffic, killed=False)
        with serving(data_dir, prefix=take_all()) as server:
            assert server.stop(timeout=5) == 0
            assert any(f"the disk at {data_dir.parent} is full" in line for line in server.output)
        assert "40 events" in run("stats", "--data-dir", data_dir).stdout
        checked = run("check", "--data-dir", data_dir).stdout
        assert "dmesg" not in checked
        assert "telemetry.db:" not in checked
        migrated = run("migrate", "--data-dir", data_dir)
        assert migrated.returncode == 74
        assert f"the disk at {data_dir.parent} is full" in migrated.stderr
        (data_dir.parent / "ballast").unlink()
        with serving(data_dir) as server:
            assert server.stop() == 0
        ledger.check(data_dir)


@pytest.mark.case(47)
@needs_root
def test_a_first_start_without_room_begins_when_there_is_some(tmp_path: Path) -> None:
    ledger = Ledger()
    with memory_disk(tmp_path / "disk", size="2m") as disk:
        ballast = fill(disk)
        with serving(disk / "data") as server:
            stats = server.request("GET", "/v1/stats")
            assert (stats.status, stats.json["code"]) == (503, "storage_full")
            ballast.unlink()
            eventually(lambda: server.request("GET", "/v1/health").status == 200, within_s=15)
            ledger.unanswered.append(encode(Traffic().batch(3)))
            ledger.resend(server)
            assert server.stop() == 0
        ledger.check(disk / "data")
