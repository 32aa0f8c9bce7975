"""Rows as JSON lines or CSV, written as they come."""

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO, Protocol

import orjson

from telemetry.storage.lookup.tables import Column, TableRow


class RowWriter(Protocol):
    """Writes rows to a binary stream that it does not own; ``close`` completes what has been written."""

    def write(self, rows: list[TableRow]) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what belongs at the end."""


class JsonLines:
    """One object a line; the payload of an event is an object in it."""

    def __init__(self, stream: BinaryIO, columns: Iterable[Column]) -> None:
        self._stream = stream
        self._names = [column.name for column in columns]
        self._json = [column.name for column in columns if column.kind == "json"]

    def write(self, rows: list[TableRow]) -> None:
        """Write some rows."""
        lines = bytearray()
        for row in rows:
            document = dict(zip(self._names, row, strict=True))
            for name in self._json:
                document[name] = _fragment(document[name])
            lines += orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
        self._stream.write(lines)

    def close(self) -> None:
        """Write what belongs at the end: nothing."""


class Csv:
    """A line of names, then a line for each row; NULL is empty."""

    def __init__(self, stream: BinaryIO, columns: Iterable[Column]) -> None:
        self._stream = stream
        self.write([[column.name for column in columns]])

    def write(self, rows: list[TableRow]) -> None:
        """Write some rows."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._stream.write(text.getvalue().encode())

    def close(self) -> None:
        """Write what belongs at the end: nothing."""


def _fragment(text: str) -> object:
    """Return JSON to be embedded as it is; a text that is none stays a text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if "\n" in text else orjson.Fragment(text)
