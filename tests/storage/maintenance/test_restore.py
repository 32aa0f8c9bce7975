"""A restore puts back what was saved, all of it or nothing, and deletes nothing."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.support import oracle
from tests.support.backups import backup, replayed
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.server import serving

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")


def test_restore_refuses_a_directory_in_use_and_one_that_holds_something(data_dir: Path, backups: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(4)))
        backup(data_dir, backups)
        in_use = run("restore", backups, "--to", data_dir, "--force")
        assert (in_use.returncode, "choose another directory with --to" in in_use.stderr) == (75, True)
        server.post(encode(Traffic(seed=2).batch(3)))
        assert server.stop() == 0
    refused = run("restore", backups, "--to", data_dir)

    assert refused.returncode == 73
    assert "add --force" in refused.stderr
    printed = succeed("restore", backups, "--to", data_dir, "--force")
    (aside,) = data_dir.glob("before-restore-*")
    assert str(aside) in printed
    assert len(oracle.check(aside)) == 7
    assert len(replayed(data_dir)) == 4
    # Once more: what was set aside before stays where it is.
    succeed("restore", backups, "--data-dir", str(data_dir), "--force")
    assert len(list(data_dir.glob("before-restore-*"))) == 2
    assert len(replayed(data_dir)) == 4


@pytest.mark.parametrize("damage", ["flipped", "missing", "manifest", "newer", "escaping"])
def test_a_damaged_backup_is_refused_and_nothing_is_changed(imported: Path, backups: Path, damage: str) -> None:
    made = Path(backup(imported, backups)["backup"])
    segment, manifest = made / "events" / "2026-11-23.db", made / "backup.json"
    if damage == "flipped":
        content = bytearray(segment.read_bytes())
        content[40_000] ^= 1
        segment.write_bytes(content)
    elif damage == "missing":
        segment.unlink()
    elif damage == "manifest":
        manifest.write_text("{")
    elif damage == "newer":
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    else:
        manifest.write_text(manifest.read_text().replace("events/2026-11-23.db", "../../outside.db"))

    refused = run("restore", made, "--to", imported, "--force")

    assert refused.returncode == 65
    assert not [path for path in imported.iterdir() if "restor" in path.name]
    assert len(oracle.check(imported)) == 302


@needs_strace
@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 7])
def test_a_restore_that_was_killed_keeps_the_directory_closed_until_it_is_repeated(
    imported: Path, backups: Path, call: int
) -> None:
    backup(imported, backups)
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=rename:signal=KILL:when={call}")

    # The first call asks where files can move, the second names the new node, the third marks the directory. Python
    # renames what it compiles, too.
    killed = run("restore", backups, "--to", imported, "--force", prefix=prefix, PYTHONDONTWRITEBYTECODE="1")

    assert killed.returncode == -signal.SIGKILL
    if call > 3:
        for command in ("check", "migrate"):
            refused = run(command, "--data-dir", imported)
            assert refused.returncode == 73
            assert "run `telemetry restore --force` again" in refused.stderr
    succeed("restore", backups, "--to", imported, "--force")
    assert len(oracle.check(imported)) == 302
    succeed("migrate", "--data-dir", imported)


def test_a_restore_says_that_it_cannot_know_who_was_erased_when_what_is_there_is_damaged(
    data_dir: Path, backups: Path
) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(4)))
        backup(data_dir, backups)
        assert server.stop() == 0
    assert "could not be read" not in succeed("restore", backups, "--to", data_dir, "--force")
    (data_dir / "telemetry.db").write_bytes(b"not a database, ".ljust(4_096, b"?"))

    said = succeed("restore", backups, "--to", data_dir, "--force")

    assert f"{data_dir / 'telemetry.db'} could not be read: installations that were erased since 20" in said
    assert len(replayed(data_dir)) == 4
