"""Splits an SQL export into statements, and tells which of them the import needs."""

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator

CHARACTERS_MAX = 64 * 1024 * 1024
"""The most characters of one statement."""

_MARK = re.compile(r"""[;'"`\[]|--|/\*""")
_CLOSED_BY = {"'": "'", '"': '"', "`": "`", "[": "]", "/*": "*/"}
_SPACE = re.compile(r"(?:\s++|--[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
_TRIGGER = re.compile(r"CREATE\s+(?:TEMP\w*\s+)?TRIGGER\b", re.IGNORECASE)

_NAME = r"""(?:"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|\w+)"""
_TABLE = rf"(?:{_NAME}\s*\.\s*)?({_NAME})"
_OF_TABLE = re.compile(
    rf"(?:CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?|DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?"
    rf"|(?:INSERT(?:\s+OR\s+\w+)?|REPLACE)\s+INTO\s+){_TABLE}",
    re.IGNORECASE,
)
# Skipped: the import has its own transaction, reads only tables, and never writes to its source.
_NEVER_NEEDED = re.compile(
    r"(?:PRAGMA|BEGIN|COMMIT|END|SAVEPOINT|RELEASE|ANALYZE|REINDEX|VACUUM"
    r"|(?:CREATE|DROP)\s+(?:UNIQUE\s+|TEMP\w*\s+)?(?:INDEX|VIEW|TRIGGER)|CREATE\s+VIRTUAL\s+TABLE"
    r'|DELETE\s+FROM\s+"?sqlite_sequence"?)\b',
    re.IGNORECASE,
)


class CutOffError(Exception):
    """A text ends within a statement, or a statement is too long; ``line`` is where the statement begins."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Scanner:
    """Finds semicolons outside of texts, names and comments, line by line."""

    def __init__(self) -> None:
        self._closed_by = ""

    def semicolons(self, line: str) -> Iterator[int]:
        """Return the position after each such semicolon in a line."""
        at = 0
        while at < len(line):
            if self._closed_by:
                end = line.find(self._closed_by, at)
                if end < 0:
                    return
                at, self._closed_by = end + len(self._closed_by), ""
            mark = _MARK.search(line, at)
            if mark is None or mark.group() == "--":
                return
            at = mark.end()
            if mark.group() == ";":
                yield at
            else:
                self._closed_by = _CLOSED_BY[mark.group()]


def statements(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Return each statement, without space or comments before it, and the number of the line where it begins.

    Raises ``CutOffError`` if the last statement is not complete. A comment at the end may be.
    """
    pending, size, begun_at, scanner = [""], 0, 1, _Scanner()
    for number, line in enumerate(lines, 1):
        start = 0
        if size == 0:
            begun_at = number
        for end in scanner.semicolons(line):
            text, start = _without_space("".join([*pending, line[start:end]])), end
            if not _is_complete(text):
                pending = [text]
                continue
            if text != ";":
                yield begun_at, text
            pending, size, begun_at = [], 0, number
        rest = line[start:]
        if size or not rest.isspace():
            pending.append(rest)
            size += len(rest)
        if size > CHARACTERS_MAX:
            raise CutOffError(begun_at)
    if _without_space("".join(pending)):
        raise CutOffError(begun_at)


def is_needed(statement: str, tables: Collection[str]) -> bool:
    """Tell whether a statement may concern one of the tables, which are given in lower case."""
    if _NEVER_NEEDED.match(statement):
        return False
    found = _OF_TABLE.match(statement)
    return found is None or found.group(1).strip('"`[]').lower() in tables


def _is_complete(statement: str) -> bool:
    """Tell whether a text that ends with a semicolon is a whole statement: the body of a trigger has semicolons too."""
    return not _TRIGGER.match(statement) or sqlite3.complete_statement(statement)


def _without_space(text: str) -> str:
    found = _SPACE.match(text)
    return text[found.end() :] if found else text
