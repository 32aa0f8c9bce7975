"""``telemetry forget`` and ``telemetry exclude`` as an operator runs them, with and without a service."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from telemetry.admin_socket import AdminConnection
from telemetry.app import admin_listening
from telemetry.cli.erasing import erase
from telemetry.operator_errors import OperatorError
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.maintenance import filling
from telemetry.storage.maintenance.backup import back_up
from tests.storage.erasure.test_erasing import START, VANDAL, files_with, numbers, of_vandal, three_days
from tests.support import oracle
from tests.support.admin import ask, scrape
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode, installation_id
from tests.support.http import eventually
from tests.support.processes import COMMAND
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service


@contextmanager
def traffic_of_others(server: ServerProcess) -> Iterator[None]:
    """Have others send batches until the end of the block."""
    done = Event()

    def send() -> None:
        traffic = Traffic(seed=time.monotonic_ns())
        while not done.is_set():
            assert server.post(encode(traffic.batch(20))).status == 200

    sending = Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        done.set()
        sending.join()


def busiest_on(day: str) -> list[str]:
    """Return what the manual gives to find the id that has sent most events on a day, after `telemetry`."""
    manual = (Path(__file__).parents[3] / "docs/operating.md").read_text()
    (line,) = re.findall(r"^telemetry (query .* --from .*)$", manual, re.MULTILINE)
    return shlex.split(re.sub(r"\d{4}-\d\d-\d\d", day, line))


@pytest.mark.parametrize("kind", ["forget", "exclude"])
def test_an_installation_is_erased_while_others_send(data_dir: Path, kind: str) -> None:
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        with traffic_of_others(server):
            server.post(encode(of_vandal(Traffic(seed=1).batch(60))))
            server.post(encode(of_vandal(Traffic(seed=2).batch(60))))
            erased = json.loads(succeed(kind, VANDAL, "--json", "--data-dir", data_dir))
        assert sum(erased["events"].values()) > 100
        assert files_with(data_dir, VANDAL) == []
        answer = server.post(encode(of_vandal(Traffic(seed=3).batch(10))))
        assert (answer.status, answer.json["eventsProcessed"]) == (200, 10)
        excluded = scrape(data_dir).events()["excluded"]
        assert (excluded > 0) == (kind == "exclude")
        assert server.stop() == 0

    stored = {event.installation_id for event in oracle.raw_events(data_dir)}
    assert (VANDAL in stored) == (kind == "forget")
    if kind == "exclude":
        oracle.check(data_dir, erased=True)
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


def test_without_a_service_the_command_does_it_and_an_excluded_one_stays_out(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(40))))
        server.post(encode(Traffic(seed=2).batch(30)))
        assert server.stop() == 0
    before = numbers(data_dir)
    (today,) = {event.day for event in oracle.raw_events(data_dir)}
    busiest = succeed(*busiest_on(today), "--json", "--data-dir", data_dir)
    assert json.loads(busiest)[0] == {"installation_id": VANDAL, "sent": 40}
    planned = succeed("exclude", VANDAL, "--dry-run", "--data-dir", data_dir)
    assert numbers(data_dir) == before
    foreseen = json.loads(succeed("forget", VANDAL, "--dry-run", "--json", "--data-dir", data_dir))
    assert sum(foreseen["events"].values()) == 40
    assert "what would remain is in" in succeed("forget", VANDAL, "--dry-run", "--data-dir", data_dir)
    assert numbers(data_dir) == before
    assert succeed("exclude", VANDAL, "--data-dir", data_dir) == planned.replace("would be ", "")
    assert files_with(data_dir, VANDAL) == []
    with serving(data_dir) as server:
        assert server.post(encode(of_vandal(Traffic(seed=3).batch(10)))).status == 200
        assert server.stop() == 0

    assert files_with(data_dir, VANDAL) == []
    assert len(oracle.check(data_dir, erased=True)) > 0
    assert succeed("forget", VANDAL, "--data-dir", data_dir) == "no event of this id is here\n"
    mistyped = VANDAL.replace("5", "6")
    for flag, said in (("--dry-run", "would be dropped"), ("--json", '"events":{}'), ("--undo", "counted again")):
        assert said in succeed("exclude", mistyped, flag, "--data-dir", data_dir)
    assert "no event of this id is here" in succeed("exclude", mistyped, "--dry-run", "--data-dir", data_dir)


@pytest.mark.parametrize("kind", ["forget", "exclude"])
def test_a_crash_at_any_moment_only_delays_the_rest(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    with serving(data_dir) as server:
        for seed in range(6):
            server.post(encode(of_vandal(Traffic(seed=seed).batch(90))))
            server.post(encode(Traffic(seed=seed + 100).batch(90)))
        assert server.stop() == 0
    for pause_s in (0.35, 0.5, 0.7):
        erasing = subprocess.Popen([COMMAND, kind, VANDAL, "--data-dir", data_dir], stderr=subprocess.DEVNULL)
        time.sleep(pause_s)
        os.kill(erasing.pid, signal.SIGKILL)
        erasing.wait()
        assert "no problems found" in succeed("check", "--data-dir", data_dir)
    succeed(kind, VANDAL, "--data-dir", data_dir)

    assert files_with(data_dir, VANDAL) == files_with(elsewhere, VANDAL) == []
    assert "no problems found" in succeed("check", "--data-dir", data_dir)
    if kind == "exclude":
        oracle.check(data_dir, erased=True)


def test_a_restored_backup_gets_both_applied_again(data_dir: Path, tmp_path: Path) -> None:
    other = installation_id(2)
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(40))))
        server.post(encode([event | {"installationId": other} for event in Traffic(seed=2).batch(40)]))
        server.post(encode(Traffic(seed=3).batch(40)))
        assert server.stop() == 0
    succeed("backup", tmp_path / "backups", "--data-dir", data_dir)
    succeed("exclude", VANDAL, "--data-dir", data_dir)
    succeed("forget", other, "--data-dir", data_dir)
    printed = succeed("restore", tmp_path / "backups", "--force", "--data-dir", data_dir)
    assert "2 installations" in printed
    for aside in data_dir.glob("before-restore-*"):
        aside.rename(tmp_path / aside.name)
    assert "2 installations still to be erased" in succeed("check", "--data-dir", data_dir)
    with serving(data_dir) as server:
        eventually(lambda: files_with(data_dir, VANDAL) == files_with(data_dir, other) == [], within_s=20)
        eventually(
            lambda: oracle.read(data_dir / "telemetry.db", "SELECT 1 FROM erasures WHERE finished_at IS NULL") == []
        )
        assert server.post(encode(of_vandal(Traffic(seed=4).batch(10)))).status == 200
        assert server.stop() == 0

    assert {VANDAL, other}.isdisjoint(event.installation_id for event in oracle.raw_events(data_dir))
    assert "no problems found" in succeed("check", "--data-dir", data_dir)


def has_asked(pid: int) -> bool:
    """Tell whether a command has opened its only socket, the one to its service."""
    with suppress(FileNotFoundError):
        return any(str(path.readlink()).startswith("socket:") for path in Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_a_service_that_stops_before_it_has_answered_is_told_of_as_one(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(40))))
        os.kill(server.pid, signal.SIGSTOP)
        asking = subprocess.Popen(
            [COMMAND, "forget", VANDAL, "--data-dir", data_dir],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: has_asked(asking.pid), within_s=30)
        server.kill()
        _, said = asking.communicate(timeout=30)

    assert asking.returncode == 69
    assert "the service stopped before it answered: start it" in said


def test_a_service_that_does_not_answer_in_time_goes_on(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.cli.asking._TIMEOUT_S", 0.5)
    with serving(data_dir) as server:
        server.post(encode(of_vandal(Traffic(seed=1).batch(40))))
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(OperatorError, match="has not answered in time: it goes on"):
            erase(Settings(data_dir=str(data_dir)), ErasureRequest(VANDAL, ErasureKind.FORGET))
        os.kill(server.pid, signal.SIGCONT)
        eventually(lambda: files_with(data_dir, VANDAL) == [])
        assert server.stop() == 0


async def test_what_a_stop_leaves_to_the_next_start_is_not_called_erased(data_dir: Path) -> None:
    hand = HandClock(START)
    settings = Settings(data_dir=str(data_dir))
    async with service(data_dir, hand) as started, admin_listening(settings, started.sources):
        await three_days(started, hand)
        await started.upkeep.eraser.close()
        ended = await asyncio.to_thread(run, "exclude", VANDAL, "--data-dir", data_dir)
    assert (ended.returncode, ended.stdout) == (69, "")
    assert "it is finished at the next start" in ended.stderr
    assert files_with(data_dir, VANDAL) != []
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
        assert files_with(data_dir, VANDAL) == []

    oracle.check(data_dir, erased=True)


def test_what_is_no_installation_is_refused(data_dir: Path, tmp_path: Path) -> None:
    for wrong in ("unknown", "a@example.org", ""):
        failed = run("forget", wrong, "--data-dir", data_dir)
        assert (failed.returncode, "not the id of an installation" in failed.stderr) == (2, True)
    assert run("exclude", VANDAL, "--data-dir", tmp_path / "nothing").returncode == 66


def test_only_the_socket_takes_erasures_and_tells_what_is_wrong_with_one(data_dir: Path) -> None:
    with serving(data_dir) as server:
        for body in (b"{", b'{"installation": "unknown", "kind": "forget"}', b'{"installation": "a", "kind": "x"}'):
            connection = AdminConnection(data_dir, timeout_s=10)
            connection.request("POST", "/erasures", body)
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["code"]) == (400, "erasure_invalid")
            connection.close()
        assert server.request("POST", "/erasures").status == 404
        assert ask(AdminConnection(data_dir, timeout_s=10), "GET", "/erasures").status == 405
        server.stop()


def test_an_import_leaves_out_who_is_excluded(data_dir: Path) -> None:
    sample = Path(__file__).parents[2] / "samples" / "d1-export.sql"
    with serving(data_dir) as server:
        server.stop()
    everything = json.loads(succeed("import", "d1", sample, "--dry-run", "--json", "--data-dir", data_dir))
    (installation,) = re.findall(r"'scan_completion','[^']+','([0-9a-f-]{36})'", sample.read_text())[:1]
    succeed("exclude", installation, "--data-dir", data_dir)
    imported = json.loads(succeed("import", "d1", sample, "--json", "--data-dir", data_dir))

    excluded = imported["refused"]["excluded"]
    assert excluded > 0
    assert imported["events"]["refused"] == everything["events"]["refused"] + excluded
    assert installation not in {event.installation_id for event in oracle.raw_events(data_dir)}
    oracle.check(data_dir)


async def test_a_backup_is_made_anew_when_an_installation_is_erased_meanwhile(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await three_days(started, hand)
    loop, fills = asyncio.get_running_loop(), []
    fill = filling._fill

    def fill_slowly(*arguments: Any) -> Any:
        filled = fill(*arguments)
        fills.append(filled)
        if len(fills) == 1:
            succeed("exclude", VANDAL, "--data-dir", data_dir)
        return filled

    monkeypatch.setattr(filling, "_fill", fill_slowly)
    made = await loop.run_in_executor(None, back_up, DataDirectory(data_dir), tmp_path / "backups", hand.clock)

    assert len(fills) == 2
    assert files_with(made.folder, VANDAL) == []
    oracle.check(made.folder, erased=True)
