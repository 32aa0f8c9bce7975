"""Events that ``telemetry export`` has written, as JSON lines or CSV, opened for reading."""

import csv
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from telemetry.catalogue.stored_ids import is_stored_form
from telemetry.operator_errors import DamagedError
from telemetry.storage.imports.rows import OldRow
from telemetry.storage.sqlite.copying import Progress, no_progress
from telemetry.storage.sqlite.reading import read_only

SUFFIXES = (".jsonl", ".csv")
_ROWS = 1_000
_COLUMNS = ("type", "timestamp", "installation_id", "drift_version", "payload", "created_at")
_KNOWN = "SELECT 1 FROM installations WHERE installation_id = ?"
# One known id proves that the key is the same. If so many are all unknown, the key is almost surely another.
_HASHED_IDS_MAX = 1_000


class _Line(msgspec.Struct):
    """A line of JSON with its payload as raw text: encoding it again could change it."""

    type: str
    timestamp: str
    installation_id: str
    drift_version: str
    payload: msgspec.Raw
    created_at: str


class ExportedEvents:
    """The events in exported files.

    An export does not say which key its ids were hashed with. Unless ``same_key`` is set, ``aggregates`` must know one
    of these ids.
    """

    def __init__(
        self, files: list[Path], aggregates: Path, *, same_key: bool, on_bytes: Progress = no_progress
    ) -> None:
        self._files = files
        self._aggregates = aggregates
        self._same_key = same_key
        self._on_bytes = on_bytes
        self._hashed_ids: set[str] = set()

    def events(self) -> Iterator[list[OldRow]]:
        """Return the events, each with a number of its own, some at a time.

        Raises ``DamagedError``, also at the end if the ids seem to be hashed with another key.
        """
        rows: list[OldRow] = []
        number = 0
        for path in self._files:
            for number, columns in enumerate(_columns(path, self._on_bytes), number + 1):  # noqa: B020 - goes on
                self._note(columns[2])
                rows.append(OldRow(number, *columns))
                if len(rows) == _ROWS:
                    yield rows
                    rows = []
        yield rows
        self._check_key()

    def counters(self) -> Iterator[tuple[Any, ...]]:
        """Return nothing: an export of events has no counters."""
        return iter(())

    def _note(self, installation_id: str) -> None:
        if len(self._hashed_ids) < _HASHED_IDS_MAX and is_stored_form(installation_id):
            self._hashed_ids.add(installation_id)

    def _check_key(self) -> None:
        if self._same_key or not self._hashed_ids or self._is_known(self._hashed_ids):
            return
        raise DamagedError(
            "the export holds hashed installation ids, none of which is known here, as if another id.key had made "
            "them: if they come from an instance with the id.key of this one, add --same-id-key"
        )

    def _is_known(self, ids: Iterable[str]) -> bool:
        if not self._aggregates.exists():
            return False
        with read_only(self._aggregates) as aggregates:
            try:
                return any(aggregates.execute(_KNOWN, (one,)).fetchone() for one in ids)
            except sqlite3.OperationalError:
                # The database has no tables yet.
                return False


def exported_files(places: Iterable[Path]) -> list[Path]:
    """Return the named files, and those in the named folders that an export may have written."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += sorted(path for path in place.glob("events*") if path.suffix in SUFFIXES)
        else:
            found.append(place)
    return found


def _columns(path: Path, on_bytes: Progress) -> Iterator[tuple[Any, ...]]:
    with path.open("rb") as file:
        head = file.read(1)
        if head not in (b"{", b"d", b""):
            raise DamagedError(
                f"{path} is no export of events: make one with `telemetry export events`, not as Parquet"
            )
    yield from _of_json(path, on_bytes) if head == b"{" else _of_csv(path, on_bytes)


def _of_json(path: Path, on_bytes: Progress) -> Iterator[tuple[Any, ...]]:
    decoder = msgspec.json.Decoder(_Line)
    with path.open("rb") as file:
        for number, text in enumerate(file, 1):
            try:
                line = decoder.decode(text)
                payload = bytes(line.payload).decode()
                # The export writes a payload that is not JSON as a text.
                payload = msgspec.json.decode(payload, type=str) if payload.startswith('"') else payload
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _not_an_event(path, number, error) from error
            on_bytes(len(text))
            yield line.type, line.timestamp, line.installation_id, line.drift_version, payload, line.created_at


def _of_csv(path: Path, on_bytes: Progress) -> Iterator[tuple[Any, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        if missing := set(_COLUMNS) - set(lines.fieldnames or _COLUMNS):
            raise DamagedError(
                f"{path} has no column {min(missing)}: make it with `telemetry export events --format csv`"
            )
        try:
            for row in lines:
                columns = tuple(row[name] for name in _COLUMNS)
                if None in columns:
                    raise _not_an_event(path, lines.line_num, "it has too few columns")
                on_bytes(sum(map(len, columns)))
                yield columns
        except (csv.Error, UnicodeDecodeError) as error:
            raise _not_an_event(path, lines.line_num, error) from error


def _not_an_event(path: Path, line: int, why: object) -> DamagedError:
    return DamagedError(
        f"{path} holds no event in line {line} ({why}): export it again with `telemetry export events`, nothing was "
        "imported"
    )
