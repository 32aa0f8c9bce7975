"""Log lines: JSON for machines, text for people; neither request bodies nor addresses nor installation ids get in."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

REPEAT_INTERVAL_S = 60.0
_MESSAGES_REMEMBERED = 256
# The variable with the device and inode that the journal reads, and journald's prefixes for the priority of a line.
_JOURNAL_VARIABLE = "JOURNAL_STREAM"
_JOURNAL_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "repeated"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and what the call gave as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **extra_fields(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except TypeError:
            # The name of a file that is not UTF-8.
            return json.dumps(fields, default=str)


class TextFormatter(logging.Formatter):
    """Time, level and message in columns, then what the call gave as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record, and the lines of its traceback if it has one."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        extra = "".join(f"  {name}={value}" for name, value in extra_fields(record).items())
        line = f"{moment}  {record.levelname.lower():8}{record.getMessage()}{extra}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class RepeatFilter(logging.Filter):
    """Lets a warning or an error of the same wording pass once a minute, with the number of those held back.

    What is said of another day or file is not the same.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written."""
        if record.levelno < logging.WARNING:
            return True
        subject = getattr(record, "day", None), getattr(record, "path", None)
        key, now = (record.name, str(record.msg), *subject), self._monotonic()
        written_at, held_back = self._seen.pop(key, (-REPEAT_INTERVAL_S, 0))
        if now - written_at < REPEAT_INTERVAL_S:
            self._seen[key] = (written_at, held_back + 1)
            return False
        if len(self._seen) >= _MESSAGES_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = (now, 0)
        if held_back:
            record.repeated = held_back
        return True


def extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the logging call gave as ``extra``, and how often the record was held back before."""
    fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD_FIELDS}
    if repeated := getattr(record, "repeated", 0):
        fields["repeated"] = repeated
    return fields


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines with their priority where the journal reads them; those that cannot be written are lost."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines for a record."""
        return for_journal(super().format(record), record.levelno, self.stream)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging calls it so
        """Ignore a stream that is closed or full: there is nowhere to report it."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def for_journal(text: str, level: int, stream: TextIO) -> str:
    """Return a text, with the priority before each line if the journal reads the stream."""
    if not _is_journal(stream):
        return text
    priority = _JOURNAL_PRIORITIES.get(level, _JOURNAL_PRIORITIES[logging.INFO])
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


def _is_journal(stream: TextIO) -> bool:
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get(_JOURNAL_VARIABLE) == f"{status.st_dev}:{status.st_ino}"


def configure(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Send all log records to one stream, standard output by default."""
    handler = _Handler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    handler.addFilter(RepeatFilter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
