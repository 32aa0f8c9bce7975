"""A backup touches nothing but backups, stays apart from the data, and is newest by what it holds."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support import oracle
from tests.support.backups import backup, replayed
from tests.support.commands import run, succeed

pytestmark = pytest.mark.case(41)


def advance(data_dir: Path, revision: int) -> None:
    """Make the aggregates ones of a later revision, written so long ago that backups may share them."""
    aggregates = data_dir / "telemetry.db"
    with closing(sqlite3.connect(aggregates)) as connection:
        connection.execute("UPDATE state SET revision = ?", (revision,))
        connection.commit()
    os.utime(aggregates, (revision, revision))


def dated(made: dict[str, Any], time: str) -> Path:
    """Give a backup the name that another clock would have given it."""
    folder = Path(made["backup"])
    return folder.rename(folder.with_name(time))


def test_files_and_folders_of_others_stay_whatever_their_names(imported: Path, backups: Path) -> None:
    ours = backups / "2026-11-20T010203.000Z.unfinished" / "events"
    ours.mkdir(parents=True)
    texts = {
        "thesis.unfinished/ch1.tex": "a chapter", "video.mp4.unfinished": "a film", "linked/kept": "elsewhere",
        "2026-11-20.unfinished/kept": "no backup", "2026-11-21T010203.000Z.unfinished": "a file",
        "2026-11-22T010203.000Z/kept": "no manifest",
    }  # fmt: skip
    for name, text in texts.items():
        path = backups / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (backups / "2026-11-23T010203.000Z.unfinished").symlink_to("linked")

    backup(imported, backups, "--keep", "1")
    made = backup(imported, backups, "--keep", "1")

    assert {name: (backups / name).read_text() for name in texts} == texts
    assert not ours.parent.exists()
    assert (backups / "2026-11-23T010203.000Z.unfinished").is_symlink()
    assert len(list(backups.glob("*/backup.json"))) == 1
    succeed("restore", backups, "--to", backups.parent / "restored")
    assert made["backup"] in succeed("restore", backups, "--to", backups.parent / "again")


@pytest.mark.parametrize("place", ["data", "data/bk", "data/events/new", "link/bk", ".", "big/bk"])
def test_a_backup_beside_or_around_the_data_is_refused(imported: Path, place: str) -> None:
    root = imported.parent
    (root / "link").symlink_to(imported)
    (root / "big").mkdir()
    (imported / "events").rename(root / "big" / "events")
    (imported / "events").symlink_to(root / "big" / "events")
    if place == "big/bk":
        place = "big/events/bk"
    elif place == "data/events/new":
        (root / "big" / "events").rename(root / "elsewhere")
        (imported / "events").unlink()
        (root / "elsewhere").rename(imported / "events")

    refused = run("backup", root / place, "--data-dir", imported)

    assert refused.returncode == 73
    assert "choose a folder apart from the data" in refused.stderr
    assert not list(root.rglob("backup.json"))


@pytest.mark.parametrize("recorded", [True, False])
def test_the_newest_backup_is_that_of_the_highest_revision(imported: Path, backups: Path, recorded: bool) -> None:
    advance(imported, 10)
    wrongly_dated = dated(backup(imported, backups), "2031-01-01T000000.000Z")
    advance(imported, 11)
    newest = Path(backup(imported, backups)["backup"])
    old = dated(backup(imported, backups), "2020-01-01T000000.000Z")
    if not recorded:
        # A program before this one said nothing of revisions.
        for manifest in backups.glob("*/backup.json"):
            document = json.loads(manifest.read_bytes())
            del document["revision"]
            manifest.write_text(json.dumps(document))

    assert f"files of {newest}" in succeed("restore", backups, "--to", backups.parent / "restored")
    kept = backup(imported, backups, "--keep", "2")
    assert kept["copied"] == 0
    assert kept["removed"] == [wrongly_dated.name, old.name]
    assert len(replayed(backups.parent / "restored")) == 302


def test_backups_of_what_was_restored_are_newer_than_those_of_what_it_replaced(imported: Path, backups: Path) -> None:
    early = backup(imported, backups)
    advance(imported, 500)
    late = backup(imported, backups)
    succeed("restore", early["backup"], "--to", imported, "--force")

    after = backup(imported, backups, "--keep", "2")

    assert after["removed"] == [Path(early["backup"]).name]
    assert after["revision"] > late["revision"] == 500
    assert after["backup"] in succeed("restore", backups, "--to", backups.parent / "restored")
    assert len(oracle.check(backups.parent / "restored")) == 302


def test_nothing_is_removed_beside_a_backup_of_later_data(imported: Path, backups: Path) -> None:
    advance(imported, 500)
    later = Path(backup(imported, backups)["backup"])
    advance(imported, 20)

    made = run("backup", backups, "--keep", "1", "--data-dir", imported)

    assert made.returncode == 0
    assert "a backup of later data, no backup is removed" in made.stderr
    assert later.exists()
    assert len(list(backups.iterdir())) == 2
