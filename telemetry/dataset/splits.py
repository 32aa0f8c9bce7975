"""Splits: which rows are for training and which for testing, for ever."""

import hashlib
from collections.abc import Iterable

from telemetry.dataset.places import SPLITS
from telemetry.dataset.rows import DatasetRow

_TEST_ONE_IN = 5


def split_of(label: str) -> str:
    """Return the split of a signature: a fifth of all are for testing, by the SHA-256 of the label alone.

    So a signature is in the same split in every version, in all its categories.
    """
    digest = hashlib.sha256(label.encode()).digest()
    return "train" if int.from_bytes(digest[:8], "big") % _TEST_ONE_IN else "test"


def by_split(rows: Iterable[DatasetRow]) -> dict[str, list[DatasetRow]]:
    """Return the rows by split. A split without rows is left out: `load_dataset` refuses an empty one."""
    found: dict[str, list[DatasetRow]] = {split: [] for split in SPLITS}
    for row in rows:
        found[split_of(row.label)].append(row)
    return {split: own for split, own in found.items() if own}
