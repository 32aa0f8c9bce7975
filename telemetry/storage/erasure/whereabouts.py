"""Under which ids the events of one installation are stored: as it was sent, before ids were hashed, and as a hash."""

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

    It is that of the stored form: an id that has never reached the disk does not do so, guessable, by its erasure.
    """
    return hashed(id_key.stored_once(given))


def ids_of(directory: DataDirectory, id_key: IdKey, given: str) -> frozenset[str]:
    """Return every id that events of an installation may be stored under; it is known by its id or its stored form."""
    ids = {given, id_key.stored(given)}
    if is_stored_form(given):
        with read_only(directory.aggregates) as aggregates:
            ids.update(one for one in _texts(aggregates, _INSTALLATIONS) if id_key.stored(one) == given)
    return frozenset(ids)


def ids_with(directory: DataDirectory, id_key: IdKey, erased: str, reading_day: ReadingDay) -> frozenset[str]:
    """Return the ids that events are stored under and that an erasure, by its SHA-256, is meant for."""

    def is_meant(stored: str) -> bool:
        return hashed(stored) == erased or (not is_random_uuid(stored) and hashed(id_key.stored(stored)) == erased)

    with read_only(directory.aggregates) as aggregates:
        found = set(filter(is_meant, _texts(aggregates, _INSTALLATIONS)))
    for day in directory.days():
        # What is stored as it was sent has no other form.
        if not any(map(is_random_uuid, found)):
            with reading_day(day) as segment:
                found.update(filter(is_meant, _texts(segment, "SELECT DISTINCT installation_id FROM events")))
    return frozenset(found)


def _texts(connection: sqlite3.Connection, sql: str) -> Iterator[str]:
    return (str(row[0]) for row in connection.execute(sql))
