"""The key of hashed installation ids: a file in the data directory, unless the operator gives the key as a setting.

``telemetry.db`` records the key's fingerprint before the first id is hashed. From then on no other key is accepted: ids
hashed with two keys would make two installations of one, and erasing one would leave the other.
"""

import os
import sqlite3
from pathlib import Path

from telemetry.catalogue.stored_ids import IdKey
from telemetry.operator_errors import DamagedError, DataDirectoryError, OperatorError, SettingsError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import read_only, reading
from telemetry.storage.sqlite.syncing import sync_file, sync_folder

_UNFINISHED = ".unfinished"
_RECORDED = "SELECT id_key_fingerprint FROM state"
_RECORD = "UPDATE state SET id_key_fingerprint = ?"
_LOST = "`telemetry migrate --accept-new-id-key`: installations with hashed ids then count as new ones"
_IF_LOST = f". If the key is lost for good, accept another with {_LOST}"
_IF_LOST_FOR_FILE = f". If the key is lost for good, remove that file and make a new one with {_LOST}"


def read_key(path: Path) -> IdKey | None:
    """Return the key in a file, or None if the file is not there; raise ``DamagedError`` if it holds no key."""
    try:
        return IdKey.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataDirectoryError(
            f"cannot read {path} ({error.strerror}): run this as the user of the service"
        ) from error
    except ValueError as error:
        raise DamagedError(
            f"{path} holds no key of 64 hexadecimal digits: copy that file from a backup into its place"
            f"{_IF_LOST_FOR_FILE}"
        ) from error


def write_key(path: Path, key: IdKey) -> None:
    """Make a file that holds a key, readable by its owner only, durably and as a whole."""
    unfinished = path.with_name(f"{path.name}{_UNFINISHED}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key.text()}\n")
    sync_file(unfinished)
    unfinished.rename(path)
    sync_folder(path.parent)


def put_back_key(directory: DataDirectory, key: IdKey) -> bool:
    """Write the key of a running service again if its file was removed; return whether that was needed.

    A folder that is gone is waited for. Raises ``OSError``.
    """
    if directory.id_key.exists() or not directory.root.is_dir():
        return False
    write_key(directory.id_key, key)
    return True


def find_key(directory: DataDirectory, given: str) -> IdKey | None:
    """Return the key of a data directory, or None where there is none and none has been needed yet.

    ``given`` is the setting ``id_key``, empty if not set. Raises ``DamagedError`` if the key is missing or the file
    holds another one, ``SettingsError`` if another one was given.
    """
    return _fitting(directory, given, recorded_fingerprint(directory.aggregates))


async def settle_key(directory: DataDirectory, aggregates: Aggregates, given: str) -> IdKey:
    """Return the key of a directory that this process has locked; the first time, make one and record its fingerprint.

    Raises as ``find_key`` does.
    """
    ((recorded,),) = await aggregates.read(_RECORDED)
    key = _fitting(directory, given, recorded)
    return await _keep(directory, aggregates, key, recorded)


async def replace_lost_key(directory: DataDirectory, aggregates: Aggregates, given: str) -> None:
    """Accept that the key of a locked directory is lost: record the one that is given, or a new one, in its place.

    A key that is there and fits stays. Raises as ``find_key`` does if ``id.key`` holds anything else.
    """
    ((recorded,),) = await aggregates.read(_RECORDED)
    if read_key(directory.id_key) is not None:
        _fitting(directory, given, recorded)
        return
    key = IdKey.parse(given) if given else None
    if key is None or key.fingerprint != recorded:
        # First, so that a crash between file and record leaves nothing that contradicts the new key.
        await _record(aggregates, None)
        await _keep(directory, aggregates, key, None)


async def _keep(directory: DataDirectory, aggregates: Aggregates, key: IdKey | None, recorded: str | None) -> IdKey:
    """Return a key, a new one if there is none, once it is in its file and its fingerprint is recorded."""
    if key is None:
        key = IdKey.random()
        try:
            write_key(directory.id_key, key)
        except OSError as error:
            raise DataDirectoryError(
                f"cannot write {directory.id_key} ({error.strerror}): let this user write there"
            ) from error
    if recorded is None:
        await _record(aggregates, key.fingerprint)
    return key


async def _record(aggregates: Aggregates, fingerprint: str | None) -> None:
    async with aggregates.change() as connection:
        await connection.execute(_RECORD, (fingerprint,))


def recorded_fingerprint(aggregates: Path) -> str | None:
    """Return the fingerprint of the key that a database was written with; None if it records none or is not there."""
    if not aggregates.exists():
        return None
    try:
        with read_only(aggregates) as connection:
            ((recorded,),) = connection.execute(_RECORDED)
    except sqlite3.OperationalError:
        # Of a schema that had no key.
        return None
    return None if recorded is None else str(recorded)


def _fitting(directory: DataDirectory, given: str, recorded: str | None) -> IdKey | None:
    in_file = read_key(directory.id_key)
    key = IdKey.parse(given) if given else in_file
    if key is None:
        if recorded is not None or _holds_hashed_ids(directory):
            raise DamagedError(
                f"{directory.id_key} is missing, and installation ids in {directory.root} were hashed with the key in "
                f"it: copy {directory.id_key.name} from a backup, or give the key as the setting id_key{_IF_LOST}"
            )
        return None
    if given and in_file is not None and in_file.fingerprint != key.fingerprint:
        raise SettingsError(
            f"setting id_key: it is not the key in {directory.id_key}: give that one, or leave the setting out"
        )
    if recorded not in (None, key.fingerprint):
        if given:
            raise SettingsError(
                f"setting id_key: it is not the key that the ids in {directory.aggregates} were hashed with (that "
                f"one's fingerprint is {recorded}, this one's {key.fingerprint}): give that one{_IF_LOST}"
            )
        raise DamagedError(
            f"{directory.id_key} is not the key that the ids in {directory.aggregates} were hashed with (that one's "
            f"fingerprint is {recorded}, this one's {key.fingerprint}): copy {directory.id_key.name} from a backup of "
            f"this directory{_IF_LOST_FOR_FILE}"
        )
    return key


def _holds_hashed_ids(directory: DataDirectory) -> bool:
    """Tell whether a segment holds a hashed id, as where both the key and ``telemetry.db`` were lost."""
    for day in directory.days():
        try:
            with reading(directory.segment(day), "segment") as segment:
                if segment.execute(query("find_hashed_id")).fetchone():
                    return True
        except OperatorError:
            # Whatever is wrong with it is reported where its events are needed.
            continue
    return False
