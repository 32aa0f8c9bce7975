"""The ids that events of one installation are stored under: the hash of its id and, in older rows, the id as sent."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from telemetry.catalogue.stored_ids import IdKey, is_random_uuid, is_stored_form
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.exclusions import hashed
from telemetry.storage.sqlite.reading import read_only

ReadingDay = Callable[[str], AbstractContextManager[sqlite3.Connection]]
"""Opens the segment of a day for reading."""

_INSTALLATIONS = "SELECT installation_id FROM installations"


def erasure_name(id_key: IdKey, given: str) -> str:
    """Return the SHA-256 by which ``erasures`` knows an installation.

    The stored form is hashed: from the SHA-256 of an id that never reached the disk, that id could be guessed.
    """
    return hashed(id_key.stored_once(given))


def ids_of(directory: DataDirectory, id_key: IdKey, given: str) -> frozenset[str]:
    """Return every id that events of an installation may be stored under; ``given`` is its id or the stored form."""
    ids = {given, id_key.stored(given)}
    if is_stored_form(given):
        with read_only(directory.aggregates) as aggregates:
            ids.update(one for one in _texts(aggregates, _INSTALLATIONS) if id_key.stored(one) == given)
    return frozenset(ids)


def ids_with(directory: DataDirectory, id_key: IdKey, erased: str, reading_day: ReadingDay) -> frozenset[str]:
    """Return the stored ids that an erasure, given by its SHA-256, is meant for."""

    def is_meant(stored: str) -> bool:
        return hashed(stored) == erased or (not is_random_uuid(stored) and hashed(id_key.stored(stored)) == erased)

    with read_only(directory.aggregates) as aggregates:
        found = set(filter(is_meant, _texts(aggregates, _INSTALLATIONS)))
    for day in directory.days():
        # A random UUID is stored as it was sent, so there is nothing else to find.
        if not any(map(is_random_uuid, found)):
            with reading_day(day) as segment:
                found.update(filter(is_meant, _texts(segment, "SELECT DISTINCT installation_id FROM events")))
    return frozenset(found)


def _texts(connection: sqlite3.Connection, sql: str) -> Iterator[str]:
    return (str(row[0]) for row in connection.execute(sql))
