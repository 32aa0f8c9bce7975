"""Published windows with signatures, and the data sets that are made of them."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from telemetry.dataset.content import dataset_files
from telemetry.dataset.manifest import About, DatasetManifest
from telemetry.dataset.snapshot import Snapshot, take_snapshot
from telemetry.published.labels import PublicLabels
from telemetry.published.reading import reading_published
from telemetry.storage.sqlite.queries import query

WINDOWS = (("2026-08-10", "2026-09-06"), ("2026-09-07", "2026-10-04"), ("2026-10-05", "2026-11-01"))
ABOUT = About("CC-BY-4.0", "The Drift project", "https://telemetry.example.org/datasets/")
_CATEGORIES = ("api", "auth", "styling")
_STEPS = ("0.00", "0.55", "0.70", "0.85", "0.95")
# Approval by step: users are less sure than the tool, and of styling they are not.
_APPROVAL = {
    "api": (0.3, 0.4, 0.55, 0.75, 0.9), "auth": (0.2, 0.25, 0.35, 0.5, 0.6), "styling": (0.35, 0.4, 0.42, 0.45, 0.5),
}  # fmt: skip
_LABELS = {
    "language": ("typescript", "python", "other"), "method": ("ast", "regex"), "occurrences": ("1", "2-9", "10-99"),
    "locations": ("2-9", "10-99", "other"), "outliers": ("0", "other"),
}  # fmt: skip


def signature(number: int) -> str:
    """Return the digest of a signature, or the name of a rule for every tenth."""
    return f"SEC-XSS-{number:03}" if number % 10 == 9 else f"{number:016x}"


def write_windows(
    path: Path, *, seed: int = 1, signatures: int = 40, windows: tuple[tuple[str, str], ...] = WINDOWS
) -> None:
    """Write public numbers of some windows of four weeks; the same seed writes the same ones."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(query("published"))
        for start, last_day in windows:
            chosen = random.Random(f"{seed} {start}")
            connection.execute("INSERT INTO windows VALUES ('four_weeks', ?, ?, 5, 1)", (start, last_day))
            for category in _CATEGORIES:
                for number in chosen.sample(range(signatures), signatures * 3 // 4):
                    _insert_signature(connection, chosen, (start, category, signature(number)))
                connection.execute("INSERT INTO signatures VALUES (?, ?, 'other', 6, NULL)", (start, category))
                for step in _STEPS:
                    _insert_decisions(connection, chosen, (start, category, step))
            nothing = [None] * 13
            connection.execute(
                "INSERT INTO decisions VALUES (?, 'other', 'other', 7" + ", ?" * 13 + ")", [start, *nothing]
            )
        connection.commit()


def _insert_signature(connection: sqlite3.Connection, chosen: random.Random, key: tuple[str, str, str]) -> None:
    installations = chosen.randint(5, 300)
    confidence = round(installations * chosen.uniform(0.3, 1), 3)
    connection.execute("INSERT INTO signatures VALUES (?, ?, ?, ?, ?)", (*key, installations, confidence))
    for kind, labels in _LABELS.items():
        cuts = sorted([0.0, 1.0, *(chosen.random() for _ in labels[1:])])
        for label, low, high in zip(labels, cuts, cuts[1:], strict=False):
            row = (*key, kind, label, round(installations * (high - low), 3))
            connection.execute("INSERT INTO signature_shares VALUES (?, ?, ?, ?, ?, ?)", row)


def _insert_decisions(connection: sqlite3.Connection, chosen: random.Random, key: tuple[str, str, str]) -> None:
    voices = chosen.randint(5, 80)
    _, category, step = key
    approve = round(voices * _APPROVAL[category][_STEPS.index(step)] * chosen.uniform(0.9, 1.1), 3)
    squares = round(approve * 0.9, 3)
    row = (*key, voices, approve, round(voices - approve, 3), *[0] * 7, squares, voices, approve, squares)
    connection.execute(f"INSERT INTO decisions VALUES ({', '.join('?' * len(row))})", row)


def snapshot_of(published: Path, last_day: str | None = None, labels: PublicLabels | None = None) -> Snapshot:
    """Return what the public numbers of a file say up to a day."""
    with reading_published(published) as numbers:
        assert numbers is not None
        return take_snapshot(numbers, labels or PublicLabels(), last_day)


def files_of(published: Path, last_day: str | None = None) -> tuple[DatasetManifest, dict[str, bytes]]:
    """Return the data set of the public numbers in a file."""
    return dataset_files(snapshot_of(published, last_day), ABOUT)


def write_dataset(folder: Path, snapshot: Snapshot) -> Path:
    """Write the files of a snapshot into a folder, and return it."""
    for place, content in dataset_files(snapshot, ABOUT)[1].items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)
    return folder
