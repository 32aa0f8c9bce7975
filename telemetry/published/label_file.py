"""The file of labels that the operator lets the public see, or hides from it.

A file of its own: it may be changed while the service runs, and is read when a window is closed.
"""

from pathlib import Path

import msgspec

from telemetry.operator_errors import DamagedError, LimitReachedError
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.storage.directory.own_files import unfinished_publication
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

DECIDED_MAX = 10_000
"""Labels that may be admitted or hidden."""


class DecidedLabels(msgspec.Struct):
    """Kinds and labels."""

    admitted: list[tuple[LabelKind, str]] = []
    hidden: list[tuple[LabelKind, str]] = []


def read_decided(path: Path) -> DecidedLabels:
    """Return what was decided; nothing if there is no file. Raises ``DamagedError`` if it cannot be understood."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=DecidedLabels)
    except FileNotFoundError:
        return DecidedLabels()
    except msgspec.DecodeError as error:
        raise DamagedError(f"{path} is damaged ({error}): put it back from a backup, or remove it") from error


def read_labels(path: Path) -> PublicLabels:
    """Return the labels as the public sees them."""
    decided = read_decided(path)
    return PublicLabels(decided.admitted, decided.hidden)


def decide(path: Path, kind: LabelKind, label: str, *, admitted: bool) -> None:
    """Admit or hide a label from the next window on that is closed, durably."""
    decided = read_decided(path)
    one = (kind, label)
    to, other = (decided.admitted, decided.hidden) if admitted else (decided.hidden, decided.admitted)
    if one in other:
        other.remove(one)
    if one not in to:
        to.append(one)
    if len(decided.admitted) + len(decided.hidden) > DECIDED_MAX:
        raise LimitReachedError(f"{path} holds {DECIDED_MAX} labels, which is as many as can be: remove some")
    new = unfinished_publication(path)
    new.write_bytes(msgspec.json.format(msgspec.json.encode(decided), indent=1) + b"\n")
    new.chmod(0o600)
    sync_file(new)
    new.replace(path)
    sync_folder(path.parent)
