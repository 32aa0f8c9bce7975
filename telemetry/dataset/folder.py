"""Reads folders of data sets; every file is compared with its digest first."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from telemetry.dataset.lines import content_id, read_lines
from telemetry.dataset.manifest import DATASET_MANIFEST, DatasetManifest
from telemetry.dataset.places import SUMS, data_path
from telemetry.dataset.rows import DatasetRow
from telemetry.operator_errors import DamagedError, NoDataError

_LINE = re.compile(r"([0-9a-f]{64})  ((?:[A-Za-z0-9_][A-Za-z0-9._-]*/)*[A-Za-z0-9_][A-Za-z0-9._-]*)")
_SUMS_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A data set whose bytes are what its digests say."""

    folder: Path
    manifest: DatasetManifest
    rows: list[DatasetRow]


def read_sums(folder: Path) -> dict[str, str]:
    """Return the digests of a data set's files by place; no place leads out of the folder.

    Raises ``NoDataError`` if the folder has no finished data set, ``DamagedError`` if the digests cannot be read.
    """
    path = folder / SUMS
    try:
        with path.open("rb") as file:
            lines = file.read(_SUMS_BYTES_MAX).decode().splitlines()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoDataError(
            f"{folder} is not a finished data set, there is no {SUMS}: make it with telemetry export dataset"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedError(f"{path} cannot be read ({error}): export the data set again") from error
    found = [_LINE.fullmatch(line) for line in lines]
    sums = {one[2]: one[1] for one in found if one}
    if len(sums) != len(lines) or DATASET_MANIFEST not in sums:
        raise DamagedError(f"{path} has lines that are not digests: export the data set again")
    return sums


def verify_files(folder: Path) -> dict[str, str]:
    """Return the digests of a data set after comparing each file; raise as ``read_sums`` does."""
    sums = read_sums(folder)
    for place, digest in sums.items():
        with _telling(folder, place), (folder / place).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            raise DamagedError(f"{folder / place} has changed since it was written: export the data set again")
    return sums


def read_dataset_manifest(folder: Path) -> DatasetManifest:
    """Return the manifest of a data set; raise ``DamagedError`` if it cannot be read."""
    with _telling(folder, DATASET_MANIFEST):
        return msgspec.json.decode((folder / DATASET_MANIFEST).read_bytes(), type=DatasetManifest)


def read_dataset(folder: Path) -> StoredDataset:
    """Return a data set whose files, rows and content id agree; raise as ``read_sums`` does."""
    verify_files(folder)
    manifest = read_dataset_manifest(folder)
    places = {split: data_path(split, "jsonl") for split in manifest.rows}
    lines: dict[str, bytes] = {}
    rows: list[DatasetRow] = []
    for split, place in places.items():
        with _telling(folder, place):
            lines[split] = (folder / place).read_bytes()
            rows += read_lines(lines[split])
    if content_id(lines) != manifest.content_id or len(rows) != sum(manifest.rows.values()):
        raise DamagedError(f"{folder} has other rows than {DATASET_MANIFEST} names: export the data set again")
    return StoredDataset(folder, manifest, rows)


@contextmanager
def _telling(folder: Path, place: str) -> Iterator[None]:
    try:
        yield
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DamagedError(f"{folder / place} cannot be read ({reason}): export the data set again") from error
