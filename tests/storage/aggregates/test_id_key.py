"""The key of hashed installation ids: made once, kept with the data, and never exchanged for another."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.catalogue.stored_ids import IdKey
from tests.support import oracle
from tests.support.backups import backup
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.server import ServerProcess, serving
from tests.support.service import HandClock, service

HOST = "johns-macbook-pro"
OURS, OTHER = "ab" * 32, "cd" * 32


def send(server: ServerProcess, seed: int = 1) -> None:
    events = [event | {"installationId": HOST} for event in Traffic(seed=seed).batch(5)]
    assert server.post(encode(events)).status == 200


def ids(data_dir: Path) -> set[str]:
    return {event.installation_id for event in oracle.check(data_dir)}


@pytest.fixture
def used(data_dir: Path) -> Path:
    """A data directory that holds a hashed id; no service runs."""
    with serving(data_dir) as server:
        send(server)
        assert server.stop() == 0
    return data_dir


def test_the_first_start_makes_a_key_that_only_the_service_can_read_and_later_ones_keep_it(used: Path) -> None:
    key = (used / "id.key").read_text()
    assert (used / "id.key").stat().st_mode & 0o777 == 0o600
    assert IdKey.parse(key).text() + "\n" == key

    with serving(used) as server:
        send(server, 2)
        assert server.stop() == 0
    assert (used / "id.key").read_text() == key
    assert ids(used) == {oracle.stored_id(used, HOST)}
    succeed("check", "--data-dir", used)


def test_a_start_after_a_crash_before_the_key_was_recorded_keeps_the_key(used: Path) -> None:
    key = (used / "id.key").read_text()
    (used / "id.key.unfinished").write_text(key[:10])
    with closing(sqlite3.connect(used / "telemetry.db")) as aggregates, aggregates:
        aggregates.execute("UPDATE state SET id_key_fingerprint = NULL")

    succeed("migrate", "--data-dir", used)
    with serving(used) as server:
        assert server.stop() == 0
    assert (used / "id.key").read_text() == key
    ((recorded,),) = oracle.read(used / "telemetry.db", "SELECT id_key_fingerprint FROM state")
    assert recorded == IdKey.parse(key).fingerprint


@pytest.mark.parametrize("also_lost", [[], ["telemetry.db", "telemetry.db-wal", "telemetry.db-shm"]])
def test_a_key_that_is_missing_keeps_the_service_from_starting_until_it_is_back(
    used: Path, tmp_path: Path, also_lost: list[str]
) -> None:
    kept = shutil.copy(used / "id.key", tmp_path)
    for name in ("id.key", *also_lost):
        (used / name).unlink(missing_ok=True)
    if also_lost:
        # As where the aggregates are made again from the raw events.
        succeed("migrate", "--accept-loss", "--data-dir", used)

    for command in (("serve", "--port", "0"), ("forget", HOST), ("import", "d1", kept)):
        failed = run(*command, "--data-dir", used)
        assert failed.returncode == 65
        assert "id.key is missing" in failed.stderr
        assert "copy id.key from a backup" in failed.stderr
    found = run("check", "--data-dir", used)
    assert (found.returncode, "id.key: " in found.stdout) == (1, True)
    assert not (used / "id.key").exists()
    shutil.copy(kept, used / "id.key")
    with serving(used) as server:
        assert server.stop() == 0


@pytest.mark.parametrize("held", [None, "", f"{OTHER}\n"])
def test_a_key_that_is_lost_for_good_is_replaced_only_when_that_is_accepted(used: Path, held: str | None) -> None:
    before, lost = ids(used), (used / "id.key").read_text()
    (used / "id.key").unlink()
    if held is not None:
        (used / "id.key").write_text(held)
        (used / "id.key").chmod(0o600)
        refused = run("serve", "--port", "0", "--data-dir", used)
        assert (refused.returncode, "remove that file" in refused.stderr) == (65, True)
        assert run("migrate", "--accept-new-id-key", "--data-dir", used).returncode == 65
        (used / "id.key").unlink()
    assert "migrate --accept-new-id-key" in run("serve", "--port", "0", "--data-dir", used).stderr

    succeed("migrate", "--accept-new-id-key", "--data-dir", used)

    made = (used / "id.key").read_text()
    assert made not in (lost, held)
    succeed("migrate", "--accept-new-id-key", "--data-dir", used)
    assert (used / "id.key").read_text() == made
    with serving(used) as server:
        send(server, 2)
        assert server.stop() == 0
    assert ids(used) == before | {oracle.stored_id(used, HOST)}
    assert len(ids(used)) == 2
    succeed("forget", *before, "--data-dir", used)
    assert {event.installation_id for event in oracle.raw_events(used)} == {oracle.stored_id(used, HOST)}


def test_a_lost_credential_is_replaced_by_another_when_that_is_accepted(data_dir: Path) -> None:
    with serving(data_dir, environment={"TELEMETRY_ID_KEY": OURS}) as server:
        send(server)
        assert server.stop() == 0
    assert "--accept-new-id-key" in run("serve", "--port", "0", "--data-dir", data_dir, TELEMETRY_ID_KEY=OTHER).stderr

    succeed("migrate", "--accept-new-id-key", "--data-dir", data_dir, TELEMETRY_ID_KEY=OTHER)

    assert not (data_dir / "id.key").exists()
    with serving(data_dir, environment={"TELEMETRY_ID_KEY": OTHER}) as server:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("held", "sentence"),
    [(f"{OTHER}\n", "is not the key that the ids in"), ("", "holds no key of 64"), ("é", "no key")],
)
def test_a_file_with_another_key_or_none_is_refused(used: Path, held: str, sentence: str) -> None:
    (used / "id.key").write_text(held)

    failed = run("serve", "--port", "0", "--data-dir", used)

    assert (failed.returncode, sentence in failed.stderr) == (65, True)
    found = json.loads(run("check", "--json", "--data-dir", used).stdout)["findings"]
    assert [finding["severity"] for finding in found if finding["subject"] == "id.key"] == ["error"]


def test_a_key_that_others_can_read_is_found(used: Path) -> None:
    (used / "id.key").chmod(0o644)

    found = run("check", "--data-dir", used)

    assert (found.returncode, "chmod 600" in found.stdout) == (1, True)


def test_a_given_key_is_used_and_never_written(data_dir: Path, backups: Path, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "id_key").write_text(f"{OURS}\n")
    with serving(data_dir, environment={"CREDENTIALS_DIRECTORY": str(credentials)}) as server:
        send(server)
        backup(data_dir, backups)
        assert server.stop() == 0

    assert ids(data_dir) == {IdKey.parse(OURS).stored(HOST)}
    for folder in (data_dir, backups):
        assert not [path for path in folder.rglob("*") if path.is_file() and OURS.encode() in path.read_bytes()]
    assert run("serve", "--port", "0", "--data-dir", data_dir).returncode == 65
    other = run("serve", "--port", "0", "--data-dir", data_dir, TELEMETRY_ID_KEY=OTHER)
    assert (other.returncode, "setting id_key: it is not the key" in other.stderr) == (78, True)
    succeed("check", "--data-dir", data_dir, TELEMETRY_ID_KEY=OURS)
    succeed("exclude", HOST, "--data-dir", data_dir, TELEMETRY_ID_KEY=OURS)
    assert oracle.check(data_dir, erased=True) == []


def test_a_given_key_must_be_that_of_the_file(used: Path) -> None:
    failed = run("serve", "--port", "0", "--data-dir", used, TELEMETRY_ID_KEY=OURS)
    assert (failed.returncode, "it is not the key in" in failed.stderr) == (78, True)
    malformed = run("serve", "--port", "0", "--data-dir", used, TELEMETRY_ID_KEY="secret")
    assert (malformed.returncode, "setting id_key" in malformed.stderr) == (78, True)
    assert "secret" not in malformed.stderr

    with serving(used, environment={"TELEMETRY_ID_KEY": (used / "id.key").read_text().strip()}) as server:
        assert server.stop() == 0


def test_the_key_is_in_backups_and_comes_back_with_them(used: Path, backups: Path, tmp_path: Path) -> None:
    made = backup(used, backups)
    copy = Path(made["backup"]) / "id.key"
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == ((used / "id.key").read_text(), 0o600)

    elsewhere = tmp_path / "elsewhere"
    succeed("restore", backups, "--to", elsewhere)
    with serving(elsewhere) as server:
        send(server, 2)
        assert server.stop() == 0
    assert ids(elsewhere) == ids(used)
    copy.write_text(OTHER)
    damaged = run("restore", backups, "--to", elsewhere, "--force")
    assert (damaged.returncode, "nothing was changed" in damaged.stderr) == (65, True)


async def test_a_backup_from_before_ids_were_hashed_gets_the_key_in_use(
    data_dir: Path, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = HandClock()
    with monkeypatch.context() as older:
        older.setattr(IdKey, "stored", lambda _key, sent: sent)
        async with service(data_dir, hand) as started:
            events = [event | {"installationId": HOST} for event in Traffic(moment=hand.now).batch(5)]
            await started.service.accept(encode([*events, *Traffic(seed=2, moment=hand.now).batch(5)]))
    key = (data_dir / "id.key").read_text()
    (data_dir / "id.key").unlink()
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as aggregates, aggregates:
        aggregates.execute("UPDATE state SET id_key_fingerprint = NULL")
    backup(data_dir, backups)
    (data_dir / "id.key").write_text(key)
    (data_dir / "id.key").chmod(0o600)
    succeed("forget", HOST, "--data-dir", data_dir)

    assert "erased since" in succeed("restore", backups, "--data-dir", data_dir, "--force")

    assert (data_dir / "id.key").read_text() == key
    async with service(data_dir, hand) as started:
        await started.upkeep.eraser.resume()
    events_left = {event.installation_id for event in oracle.raw_events(data_dir)}
    assert not events_left & {HOST, oracle.stored_id(data_dir, HOST)}
