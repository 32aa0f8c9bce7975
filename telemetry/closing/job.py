"""Closing of some windows and publication of their numbers, in one go."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from telemetry.closing.publication import Draft, publish, rows_digest
from telemetry.closing.segments import FirstDays, SegmentDamagedError, merged
from telemetry.closing.windows import Known, close_window
from telemetry.published.closings import Closed, Closing, Damaged, Job, Report
from telemetry.published.contributions import Policy
from telemetry.published.label_file import read_labels
from telemetry.storage.directory.data_directory import SCRATCH, DataDirectory
from telemetry.storage.sqlite.database_files import immutable_uri, read_only_uri

_PREFIX = f"{SCRATCH}closing-"
_CACHE_KIB = 4_096
_WAIT_S = 10.0


def run(directory: DataDirectory, job: Job) -> Report:
    """Close windows whose days are sealed, and publish their numbers; report what was closed.

    The numbers follow from the sealed segments, the first days of installations and the labels that are shown alone.
    Raises ``NotNowError``, ``sqlite3.Error`` or ``OSError``: nothing was published, and the same can be done again.
    """
    closed: list[Closed] = []
    damaged: list[Damaged] = []
    with closing_folder(directory) as folder:
        path = folder / "draft.db"
        with closing(throwaway(path)) as connection:
            draft = Draft(connection, job.threshold)
            for one in job.closings:
                try:
                    closed.append(_close(directory, one, job.threshold, folder, draft))
                except SegmentDamagedError as error:
                    damaged.append(Damaged(one.period, one.start, str(error)))
            draft.finish()
        if closed:
            publish(path, directory.published, job.threshold)
            closed = as_published(path, directory.published, closed)
    return Report(closed=closed, damaged=damaged)


def as_published(draft: Path, published: Path, closed: list[Closed]) -> list[Closed]:
    """Return what was closed with the digests of what is public of it.

    Rows that were published before stay. Where those of the draft are others, because labels or first days have changed
    since, its ledger is not that of what is public, and is left out.
    """
    with (
        closing(sqlite3.connect(immutable_uri(published), uri=True)) as public,
        closing(sqlite3.connect(immutable_uri(draft), uri=True)) as made,
    ):
        return [_as_published(public, made, one) for one in closed]


def _as_published(public: sqlite3.Connection, made: sqlite3.Connection, one: Closed) -> Closed:
    digest = rows_digest(public, one.period, one.start)
    ledger = one.ledger if rows_digest(made, one.period, one.start) == digest else {}
    return replace(one, digest=digest, ledger=ledger)


def _close(directory: DataDirectory, one: Closing, threshold: int, folder: Path, draft: Draft) -> Closed:
    with (
        closing(throwaway(folder / f"{one.period}-{one.start}.db")) as totals,
        closing(_reading(directory.aggregates)) as aggregates,
    ):
        known = Known(FirstDays(aggregates), read_labels(directory.public_labels), Policy(threshold))
        segments = [(day, directory.segment(day), last_id) for day, last_id in sorted(one.segments.items())]
        ledger = close_window(one, partial(merged, segments), known, totals, draft.insert)
        totals.commit()
    draft.add_window(one)
    return Closed(one.period, one.start, one.generation, ledger=ledger)


@contextmanager
def closing_folder(directory: DataDirectory) -> Iterator[Path]:
    """Give a folder in the data directory until the end of the block; what a killed process has left goes first."""
    for left_over in directory.root.glob(f"{_PREFIX}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=directory.root) as folder:
        yield Path(folder)


def throwaway(path: Path) -> sqlite3.Connection:
    """Return a connection to a database that is thrown away, or written again, after a crash."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _reading(aggregates: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(read_only_uri(aggregates), uri=True, timeout=_WAIT_S)
    connection.text_factory = bytes
    return connection
