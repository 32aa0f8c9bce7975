"""DatasetCollection: the sound data sets in the operator's folder; sound means that all bytes match their digests."""

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from telemetry.dataset.card import CARD
from telemetry.dataset.folder import read_dataset_manifest, read_sums, verify_files
from telemetry.dataset.manifest import DatasetManifest
from telemetry.dataset.places import SUMS
from telemetry.errors import ErrorCode, Refusal
from telemetry.operator_errors import DamagedError, NoDataError

logger = logging.getLogger(__name__)

DATASETS_MAX = 100
FILE_BYTES_MAX = 32 * 1024**2
"""The most bytes of an offered file. A row takes about a kilobyte; larger files would fill the memory."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class OfferedDataset:
    """A sound data set. ``files`` has size and SHA-256 by place."""

    name: str
    manifest: DatasetManifest
    card: str
    files: dict[str, tuple[int, str]]


class DatasetCollection:
    """Looks at the folder in each call; a data set is read again when the stamp of one of its files has changed.

    Methods wait for the disk. Call them from one thread at a time.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, tuple[_Stamp, OfferedDataset | None]] = {}

    def all(self) -> list[OfferedDataset]:
        """Return the data sets, the latest first; at most ``DATASETS_MAX``."""
        try:
            names = sorted(path.name for path in self._root.iterdir() if _NAME.fullmatch(path.name))
        except OSError as error:
            logger.warning("the folder of data sets cannot be read (%s): see datasets_dir", error.strerror)
            return []
        self._read = {name: read for name, read in self._read.items() if name in names}
        found = [one for name in names if (one := self.get(name)) is not None]
        return sorted(found, key=lambda one: (one.manifest.complete_up_to, one.name), reverse=True)[:DATASETS_MAX]

    def get(self, name: str) -> OfferedDataset | None:
        """Return the data set with a name; None if there is none, or if it is not sound."""
        folder = self._root / name
        if not _NAME.fullmatch(name) or not (folder / SUMS).is_file():
            return None
        stamp = _stamp(folder)
        read = self._read.get(name)
        if read is not None and read[0] == stamp:
            return read[1]
        offered = None
        try:
            offered = _read(name, folder)
        except (DamagedError, NoDataError, OSError) as error:
            logger.warning("a data set is not offered: %s", error)
        self._read[name] = (stamp, offered)
        return offered

    def content(self, name: str, place: str) -> tuple[bytes, str]:
        """Return the bytes of a file and their SHA-256; raise ``Refusal`` if they do not match the digest."""
        offered = self.get(name)
        if offered is None or place not in offered.files:
            raise Refusal(ErrorCode.NOT_FOUND)
        _, digest = offered.files[place]
        with (self._root / name / place).open("rb") as file:
            content = file.read(FILE_BYTES_MAX)
        if hashlib.sha256(content).hexdigest() != digest:
            logger.warning("a file of a data set has changed and is not offered: %s/%s", name, place)
            raise Refusal(ErrorCode.NOT_FOUND)
        return content, digest


def _stamp(folder: Path) -> _Stamp:
    """Return inode, size and time of change of each file; zeros for a missing file."""
    try:
        places = [SUMS, *read_sums(folder)]
    except (DamagedError, NoDataError):
        places = [SUMS]
    return tuple((place, *_file_stamp(folder / place)) for place in places)


def _file_stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(name: str, folder: Path) -> OfferedDataset:
    sizes = {place: (folder / place).stat().st_size for place in read_sums(folder)}
    for place, size in sizes.items():
        if size > FILE_BYTES_MAX:
            raise DamagedError(f"{folder / place} has more than {FILE_BYTES_MAX} bytes: offer it elsewhere")
    sums = verify_files(folder)
    manifest = read_dataset_manifest(folder)
    card = (folder / CARD).read_text(errors="replace") if CARD in sums else ""
    own = _offered_file(folder / SUMS)
    return OfferedDataset(
        name, manifest, card, {place: (sizes[place], digest) for place, digest in sums.items()} | {SUMS: own}
    )


def _offered_file(path: Path) -> tuple[int, str]:
    content = path.read_bytes()
    return len(content), hashlib.sha256(content).hexdigest()
