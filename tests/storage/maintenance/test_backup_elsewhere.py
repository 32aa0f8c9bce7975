"""Backups on file systems that lack what a Linux disk has, what follows a backup, and who notices that none is made."""

import getpass
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.findings import Severity
from telemetry.storage.maintenance.last_backup import LastBackup, check_last_backup, last_backup, record_backup
from tests.storage.sqlite.test_unreadable import AS_ANYBODY, as_anybody
from tests.support.backups import backup
from tests.support.cli import fill
from tests.support.commands import run, succeed
from tests.support.disks import needs_root, read_only_view
from tests.support.faults import faulty
from tests.support.server import serving
from tests.support.service import HandClock

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")
# What exFAT, CIFS and their like say to whom asks for a second name, a mode, a lock.
REFUSALS = ("link,linkat:error=EPERM", "chmod,fchmodat,fchmod:error=EPERM", "flock:error=ENOLCK")
DAY = timedelta(days=1)


@needs_strace
def test_a_backup_copies_where_links_modes_and_locks_are_refused(imported: Path, backups: Path) -> None:
    first = Path(backup(imported, backups)["backup"])
    made = run("backup", backups, "--data-dir", imported, "--json", "--keep", "1", prefix=faulty(*REFUSALS))

    assert made.returncode == 0, made.stderr
    second = json.loads(made.stdout)
    assert (second["copied"], second["bytes_shared"], second["removed"]) == (2, 0, [first.name])
    assert [path.stat().st_nlink for path in Path(second["backup"]).rglob("*.db")] == [1, 1]
    assert "copied anew" not in made.stderr
    # Files without modes of their own are readable by all.
    for path in Path(second["backup"]).rglob("*.db"):
        path.chmod(0o777)
    succeed("restore", backups, "--to", backups.parent / "restored")
    assert {path.stat().st_mode & 0o777 for path in (backups.parent / "restored").rglob("*.db")} == {0o600}


@as_anybody
@pytest.mark.parametrize("name", ["", "drift"])
def test_a_folder_that_this_user_cannot_write_to_is_told_with_the_command_that_makes_one(
    imported: Path, backups: Path, name: str
) -> None:
    backups.mkdir(mode=0o500)
    refused = run("backup", backups / name, "--data-dir", imported, prefix=AS_ANYBODY)

    assert refused.returncode == 73
    assert f"make it for that user, as with `sudo install -d -o {getpass.getuser()} -m 700 {backups}" in refused.stderr


def test_a_backup_says_how_much_of_the_disk_it_takes(imported: Path, backups: Path) -> None:
    reports = [succeed("backup", backups, "--data-dir", imported).splitlines() for _ in range(2)]
    folders = [Path(first.partition(": ")[0]) for first, _ in reports]
    sizes = [{path: path.stat() for path in folder.rglob("*") if path.is_file()} for folder in folders]
    first, second = (
        sum(status.st_size for path, status in files.items() if path.name != "backup.json") for files in sizes
    )
    own = sum(status.st_size for path, status in sizes[1].items() if status.st_nlink == 1 and path.suffix != ".json")

    assert first == second > own > 0
    rest = "shared with the backup before; backups removed: 0"
    assert reports[0][1] == f"takes {first:,} bytes of the disk: 0 files {rest}"
    assert reports[1][1].endswith(f" bytes of the disk: 2 files {rest}")
    assert 0 < int(reports[1][1].split()[1].replace(",", "")) - own < 1_000


def test_a_command_follows_a_good_backup_and_its_failure_is_told(imported: Path, backups: Path) -> None:
    followed = run("backup", backups, "--data-dir", imported, "--json", "--then", 'echo "saved $BACKUP"')
    failed = run("backup", backups, "--data-dir", imported, "--then", "exit 7")
    without_data = run("backup", backups, "--data-dir", imported.parent / "none", "--then", "echo followed")

    assert followed.returncode == 0
    assert followed.stderr == f"saved {json.loads(followed.stdout)['backup']}\n"
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "the backup is complete, and the command after it ended with 7" in failed.stderr
    assert (without_data.returncode, "followed" in without_data.stderr) == (66, False)


async def test_the_age_of_the_last_good_backup_is_known(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    days = ("2026-11-21", "2026-11-22", "2026-11-23")
    await fill(directory.root, days, batches=1)
    hand = HandClock("2026-11-24T12:00:00")
    (none,) = check_last_backup(directory, hand.clock)
    record_backup(directory, LastBackup("2026-11-23T12:00:01.000Z", "/backups/one"))

    assert (none.severity, "none is known" in none.sentence) == (Severity.WARNING, True)
    assert list(check_last_backup(directory, hand.clock)) == []
    hand.pass_time(DAY.total_seconds() + 1)
    (old,) = check_last_backup(directory, hand.clock)
    assert "/backups/one, 2 days old" in old.sentence
    directory.last_backup.write_text('{"made_at": "x"}')
    assert last_backup(directory) is None


def test_the_metrics_and_check_know_of_a_backup_that_was_made_and_of_none_that_lacks_something(
    imported: Path, backups: Path
) -> None:
    with serving(imported, "--environment", "production") as server:

        def known() -> float:
            found = subprocess.run(
                ["curl", "-s", "--unix-socket", imported / "admin.sock", "http://localhost/metrics"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            name = "drift_telemetry_last_backup_timestamp_seconds "
            return next(float(line.removeprefix(name)) for line in found.stdout.splitlines() if line.startswith(name))

        assert known() == 0
        made = backup(imported, backups)
        assert known() == pytest.approx(datetime.fromisoformat(made["made_at"]).timestamp())
        server.stop()
    (imported / "events" / "2026-11-23.db").unlink()
    long_ago = (datetime.now(UTC) - 3 * DAY).isoformat()
    record_backup(DataDirectory(imported), LastBackup(long_ago, made["backup"]))

    assert run("backup", backups, "--data-dir", imported).returncode == 1
    checked = run("check", "--data-dir", imported, "--environment", "production")
    assert f"warning: backup: the last good one is {made['backup']}, 3 days old" in checked.stdout


@needs_root
def test_data_on_a_disk_that_only_the_service_may_write_to_is_backed_up(imported: Path, backups: Path) -> None:
    # As the unit of the backup sees data elsewhere: after a clean stop, beside a service, and after a crash.
    for name, ending in (("stopped", "stop"), ("running", ""), ("crashed", "kill")):
        with serving(imported) as server:
            if ending:
                getattr(server, ending)()
            with read_only_view(imported, imported.parent / name) as view:
                made = run("backup", backups, "--data-dir", view, "--json")
                assert made.returncode == 0, (name, made.stderr)
                assert "the backup is good, but its time cannot be noted" in made.stderr
    assert len(list(backups.iterdir())) == 3


@needs_root
def test_a_data_directory_that_the_unit_may_not_write_to_names_the_line_that_lets_it(imported: Path) -> None:
    with read_only_view(imported, imported.parent / "elsewhere") as view:
        refused = run("migrate", "--data-dir", view / "data")

    assert refused.returncode == 73
    assert "name it in ReadWritePaths= of `systemctl edit` of the unit" in refused.stderr
