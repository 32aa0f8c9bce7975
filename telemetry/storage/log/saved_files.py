"""What was saved of databases that were removed or replaced under a running service, and putting it back."""

import logging
from collections.abc import Iterator
from pathlib import Path

from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.database_files import COMPANIONS, beside
from telemetry.storage.sqlite.open_file import SAVED, UNFINISHED
from telemetry.storage.sqlite.syncing import sync_folder

logger = logging.getLogger(__name__)


def saved_files(directory: DataDirectory) -> Iterator[tuple[Path, Path]]:
    """Return each copy that was saved, and the file that it is a copy of."""
    for folder in (directory.root, directory.events):
        for saved in sorted(folder.glob(f"*.db{SAVED}")):
            yield saved, saved.with_name(saved.name.removesuffix(SAVED))


def put_back(directory: DataDirectory) -> None:
    """Give a saved copy its name again if nothing else has it. The caller holds the lock of the directory."""
    for folder in (directory.root, directory.events):
        for unfinished in folder.glob(f"*.db{UNFINISHED}"):
            unfinished.unlink()
    for saved, path in saved_files(directory):
        if path.is_symlink() or path.exists():
            logger.error(
                "a file was replaced while the service ran",
                extra={"path": str(saved), "reason": saved_advice(saved, path)},
            )
            continue
        for suffix in COMPANIONS:
            # They were beside the file that was removed.
            beside(path, suffix).unlink(missing_ok=True)
        saved.rename(path)
        sync_folder(path.parent)
        logger.warning("a file that was removed while the service ran is back", extra={"path": str(path)})


def saved_advice(saved: Path, path: Path) -> str:
    """Return what a saved copy is and what to do with it, as a sentence without its subject."""
    if not path.exists():
        return f"holds what {path.name} held when it was removed: start the service, which puts it back"
    if path.name == "telemetry.db":
        then = f"to go on with it, stop the service and move it to {path}"
    else:
        then = f"to have its events back, stop the service and run `telemetry import d1 {saved}`"
    return f"holds what {path.name} held before it was replaced: {then}; otherwise remove it"
