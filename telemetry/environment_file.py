"""Reads the settings file of an instance as systemd reads an ``EnvironmentFile``.

``python -m telemetry.environment_file FILE COMMAND...`` runs a command with the variables of a file, as systemd does
for the service.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

_SPACE = " \t\n\r"
_LINE_ENDS = "\n\r"
_COMMENTS = "#;"
# Characters that a backslash escapes between double quotes; before any other character the backslash stays.
_ESCAPED_IN_QUOTES = '"\\`$'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CONFIG_EXIT = 78


def read(text: str) -> dict[str, str]:
    """Return the variables of a file, the last value of each; assignments that systemd refuses are left out."""
    assignments = _Reader(text).assignments()
    return {name: value for name, value in assignments if _NAME.fullmatch(name) and not _CONTROL.search(value)}


class _Reader:
    """Goes through a text once, character by character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def assignments(self) -> Iterator[tuple[str, str]]:
        while (first := self._next()) is not None:
            if first in _COMMENTS:
                self._skip_comment()
            elif first not in _SPACE and (name := self._name(first)) is not None:
                yield name, self._value()

    def _next(self) -> str | None:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        return char or None

    def _skip_comment(self) -> None:
        """Skip a comment; since systemd 254, a backslash at the end of a line does not continue it."""
        while (char := self._next()) is not None and char not in _LINE_ENDS:
            pass

    def _name(self, first: str) -> str | None:
        """Return the text before the equals sign, or None if the line has no equals sign."""
        name = first
        while (char := self._next()) is not None and char not in _LINE_ENDS:
            if char == "=":
                return name.rstrip(_SPACE)
            name += char
        return None

    def _value(self) -> str:
        value, kept, is_begun = "", 0, False
        while (char := self._next()) is not None and char not in _LINE_ENDS:
            if char in "'\"" and not is_begun:
                # A quoted part keeps its spaces; after it, spaces are skipped as at the start of the value.
                value += self._quoted(char)
                kept = len(value)
            elif char == "\\":
                escaped = self._next()
                value += escaped if escaped is not None and escaped not in _LINE_ENDS else ""
                kept, is_begun = len(value), True
            elif is_begun or char not in _SPACE:
                is_begun = True
                value += char
                kept = len(value) if char not in _SPACE else kept
        return value[:kept]

    def _quoted(self, quote: str) -> str:
        value = ""
        while (char := self._next()) is not None and char != quote:
            if char == "\\" and quote == '"':
                value += self._escaped_in_quotes()
            else:
                value += char
        return value

    def _escaped_in_quotes(self) -> str:
        char = self._next()
        if char is None or char == "\n":
            return ""
        return char if char in _ESCAPED_IN_QUOTES else f"\\{char}"


def main() -> None:
    """Run a command with the variables of a file; a missing file has none."""
    path, *command = sys.argv[1:]
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        _fail(f"cannot read {path} ({error.strerror}): run this as root")
    except UnicodeDecodeError:
        _fail(f"{path} is not UTF-8, so that systemd passes over all of it: write it in UTF-8")
    try:
        os.execvpe(command[0], command, os.environ | read(text))
    except OSError as error:
        _fail(f"cannot run {command[0]} ({error.strerror})")


def _fail(sentence: str) -> NoReturn:
    print(f"telemetry: {sentence}", file=sys.stderr)
    sys.exit(_CONFIG_EXIT)


if __name__ == "__main__":
    main()
