"""Rows in ClickHouse's format TabSeparated: one line a row, tabs between the values."""

import re
from collections.abc import Iterable, Sequence

_ESCAPES = {b"\\": rb"\\", b"\t": rb"\t", b"\n": rb"\n", b"\r": rb"\r", b"\0": rb"\0"}
_TO_ESCAPE = re.compile(rb"[\\\t\n\r\0]")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MEANT = {b"b": b"\b", b"f": b"\f", b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}


def line_escaped(value: bytes) -> bytes:
    """Return a value with the characters escaped that would end it."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], value)


def unescaped(text: bytes) -> bytes:
    """Return an escaped value as it was."""
    if b"\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def to_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows of texts and integers as lines; None becomes an empty value."""
    return b"".join(b"\t".join(map(_written, row)) + b"\n" for row in rows)


def from_line(line: bytes) -> list[bytes]:
    """Return the values of a line, which is given without its line feed."""
    return [unescaped(value) for value in line.split(b"\t")]


def quoted(text: str) -> str:
    """Return a text as a literal for a statement."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _written(value: object) -> bytes:
    if isinstance(value, bytes):
        return line_escaped(value)
    return b"" if value is None else line_escaped(str(value).encode(errors="surrogateescape"))
