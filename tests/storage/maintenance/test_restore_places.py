"""A restore moves the service's own files and no others, wherever the folders are mounted; all of them or none."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.file_sizes import free_bytes
from telemetry.storage.directory.own_files import used_bytes
from tests.support import oracle
from tests.support.backups import backup, replayed
from tests.support.commands import run, succeed
from tests.support.disks import memory_disk, needs_root

pytestmark = pytest.mark.case(41)

PLACES = ["root mounted", "events mounted", "events linked", "events bound", "plain"]


@pytest.fixture(params=PLACES)
def placed(request: pytest.FixtureRequest, data_dir: Path, tmp_path: Path) -> Iterator[Path]:
    """A data directory whose folders are where the parameter says, with entries of others in them."""
    if os.geteuid() and request.param.endswith(("mounted", "bound")):
        pytest.skip("needs root to mount a disk")
    with ExitStack() as mounted:
        if request.param == "root mounted":
            mounted.enter_context(memory_disk(data_dir, size="16m"))
        data_dir.mkdir(exist_ok=True)
        if request.param == "events mounted":
            mounted.enter_context(memory_disk(data_dir / "events", size="16m"))
        elif request.param == "events linked":
            (tmp_path / "big").mkdir()
            (data_dir / "events").symlink_to("../big")
        elif request.param == "events bound":
            # On the same disk, and still no file can be renamed across.
            for folder in (tmp_path / "big", data_dir / "events"):
                folder.mkdir()
            subprocess.run(["mount", "--bind", tmp_path / "big", data_dir / "events"], check=True)
            mounted.callback(lambda: subprocess.run(["umount", data_dir / "events"], check=True))
        for folder in (data_dir, data_dir / "events"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
            (folder / "lost+found").mkdir(mode=0o700)
            (folder / "notes.txt").write_text("of somebody else")
        yield data_dir


@pytest.fixture
def saved(imported: Path, backups: Path) -> Path:
    """A backup of 302 events; the data directory it was made of is put away."""
    made = backup(imported, backups)
    imported.rename(imported.with_name("source"))
    return Path(made["backup"])


def others(data_dir: Path) -> list[str]:
    return [path.name for folder in (data_dir, data_dir / "events") for path in sorted(folder.iterdir())
            if path.name in {"lost+found", "notes.txt"}]  # fmt: skip


def test_a_restore_works_twice_and_leaves_entries_of_others(saved: Path, placed: Path) -> None:
    is_link = (placed / "events").is_symlink()
    succeed("restore", saved, "--to", placed)
    assert len(replayed(placed)) == 302
    assert run("restore", saved, "--to", placed).returncode == 73

    printed = succeed("restore", saved, "--to", placed, "--force")

    (aside,) = placed.glob("before-restore-*")
    assert f"what was there is in {aside}, " in printed
    assert len(oracle.check(aside)) == len(replayed(placed)) == 302
    assert others(placed) == ["lost+found", "notes.txt"] * 2
    assert (placed / "events").is_symlink() == is_link
    assert not list(placed.rglob("restor*"))
    checked = run("check", "--data-dir", placed)
    assert "notes.txt" not in checked.stdout
    assert f"note: {aside.name}: holds " in checked.stdout


@needs_root
@pytest.mark.parametrize("place", ["telemetry.db", "events/2026-11-23.db"])
def test_a_file_that_cannot_be_moved_keeps_all_in_place_however_often_it_is_tried(
    imported: Path, backups: Path, place: str
) -> None:
    backup(imported, backups)
    source = imported.parent / "mounted"
    source.write_bytes((imported / place).read_bytes())
    before = sorted(imported.rglob("*"))
    subprocess.run(["mount", "--bind", source, imported / place], check=True)
    try:
        refused = [run("restore", backups, "--to", imported, "--force") for _ in range(2)]
        assert sorted(imported.rglob("*")) == before
    finally:
        subprocess.run(["umount", imported / place], check=True)

    assert {ended.returncode for ended in refused} == {73}
    assert f"{imported / place} cannot be moved aside" in refused[1].stderr
    assert len(replayed(imported)) == 302
    succeed("restore", backups, "--to", imported, "--force")


def test_a_link_that_leads_nowhere_is_told_before_anything_is_moved(imported: Path, backups: Path) -> None:
    backup(imported, backups)
    (imported / "events").rename(imported.parent / "big")
    (imported / "events").symlink_to("../absent")
    before = sorted(imported.iterdir())

    refused = run("restore", backups, "--to", imported, "--force")

    assert refused.returncode == 73
    assert "leads to ../absent, which is not there" in refused.stderr
    assert sorted(imported.iterdir()) == before


def test_empty_folders_that_interrupted_restores_left_are_removed_and_full_ones_stay(
    imported: Path, backups: Path
) -> None:
    backup(imported, backups)
    names = [f"before-restore-2026-11-2{day}T010203Z" for day in range(3)]
    (imported / names[0] / "events").mkdir(parents=True)
    (imported / names[1]).mkdir()
    (imported / names[1] / "telemetry.db").write_bytes(b"kept")
    (imported / "before-restore-of-mine").mkdir()
    (imported / "restore-incoming").mkdir()

    succeed("restore", backups, "--to", imported, "--force")

    kept = sorted(path.name for path in imported.glob("before-restore-*"))
    assert kept[0] == names[1]
    assert kept[2] == "before-restore-of-mine"
    assert len(kept) == 3


@needs_root
def test_sizes_and_free_space_follow_events_and_count_nothing_that_is_not_the_services(
    imported: Path, tmp_path: Path
) -> None:
    directory = DataDirectory(imported)
    before = used_bytes(directory)
    for name in ("swap", "lost+found/file", "before-restore-2026-11-20T010203Z/telemetry.db", "events/video.mp4"):
        (imported / name).parent.mkdir(exist_ok=True)
        (imported / name).write_bytes(bytes(1_000_000))
    with memory_disk(tmp_path / "small", size="4m") as small:
        for path in directory.events.iterdir():
            (small / path.name).write_bytes(path.read_bytes())
        directory.events.rename(tmp_path / "moved")
        directory.events.symlink_to(small)

        assert used_bytes(directory) == before > 100_000
        assert 0 < free_bytes(directory) < 4_194_304


def test_a_restore_into_the_backup_itself_is_refused_and_changes_nothing(
    saved: Path, backups: Path, tmp_path: Path
) -> None:
    before = sorted(backups.rglob("*"))
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "events").symlink_to(saved / "events")

    for target in (saved, saved / "new", tmp_path / "linked"):
        refused = run("restore", backups, "--to", target, "--force")
        assert refused.returncode == 73
        assert "choose a directory apart from it" in refused.stderr
    assert sorted(backups.rglob("*")) == before
    succeed("restore", backups, "--to", tmp_path / "apart")
