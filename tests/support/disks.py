"""Disks of a test's own, mounted as root: small ones in memory, and one that fails as a broken disk does."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a disk")


@contextmanager
def memory_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """Mount an empty disk of some size until the end of the block."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


@contextmanager
def read_only_view(folder: Path, at: Path) -> Iterator[Path]:
    """Mount a folder once more where nothing can be written, until the end of the block."""
    at.mkdir()
    _run("mount", "--bind", str(folder), str(at))
    try:
        _run("mount", "-o", "remount,bind,ro", str(at))
        yield at
    finally:
        _run("umount", str(at))


def remount(disk: Path, option: str) -> None:
    """Mount a disk anew with an option changed."""
    _run("mount", "-o", f"remount,{option}", str(disk))


def fill(disk: Path) -> Path:
    """Take all the room that is left, and return the file that holds it."""
    ballast = disk / "ballast"
    # Block after block: a larger write would stop at its first byte that does not fit.
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4_096))
        except OSError:
            return ballast


class BreakableDisk:
    """A real file system in a file; ``break_down`` is what happens to it when its disk fails: it becomes read-only."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        self._image = image
        with image.open("wb") as file:
            file.truncate(32 * 1024 * 1024)
        _run("mkfs.ext4", "-q", "-F", str(image))
        folder.mkdir()

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Have it mounted, and repaired if that is needed, until the end of the block."""
        subprocess.run(["e2fsck", "-p", str(self._image)], stdout=subprocess.DEVNULL, check=False)
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))
        try:
            yield self.folder
        finally:
            _run("umount", str(self.folder))

    def break_down(self) -> None:
        """Report an error to the file system, which then refuses every write, those to open files too."""
        source = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(self.folder)], capture_output=True, text=True, check=True
        ).stdout
        (Path("/sys/fs/ext4") / Path(source.strip()).name / "trigger_fs_error").write_text("1")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
