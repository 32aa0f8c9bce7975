"""A path that exists and may not be read by this user is not called absent."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from telemetry.cli.arguments import FilePath

NOBODY = 65_534


def complaint(path: Path) -> str:
    """Return what a user without rights is told of a path, or nothing if it is accepted."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        # Ends without what pytest does at its end.
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            FilePath(exists=True, path_type=Path).convert(str(path), None, None)
        except click.BadParameter as error:
            os.write(writing, error.message.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that every user may enter; those that pytest makes are closed."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


def test_what_lies_in_a_closed_folder_is_not_called_absent(folder: Path) -> None:
    closed = folder / "closed"
    (closed / "backups").mkdir(parents=True)
    closed.chmod(0o000)
    try:
        for path in (closed, closed / "backups"):
            told = complaint(path)
            assert f"'{path}' cannot be read by the user" in told
            assert f"{path}`, or copy it to where that user may read" in told
    finally:
        closed.chmod(0o700)


def test_what_is_not_there_is_called_absent_and_what_may_be_read_is_taken(folder: Path) -> None:
    (folder / "open").mkdir(mode=0o755)
    (folder / "open").chmod(0o755)
    assert "does not exist" in complaint(folder / "absent")
    assert complaint(folder / "open") == ""
