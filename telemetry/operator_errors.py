"""What a command or the service tells its operator: a closed set of errors, with the code and exit code of each."""

from enum import IntEnum
from typing import NamedTuple


class OperatorError(Exception):
    """The service or a command cannot do what it was told to; the message says what happened and what to do.

    Only the errors below, which each have a meaning, are raised.
    """


class DamagedError(OperatorError):
    """A file of the data, a backup or an export cannot be read, or is not of the program's schema or kind."""


class NoDataError(OperatorError):
    """There is nothing to read where a command was told to look."""


class UnavailableError(OperatorError):
    """A service, an address or an extra that is needed cannot be had."""


class OutdatedError(OperatorError):
    """SQLite is older than the program needs."""


class DataDirectoryError(OperatorError):
    """The data directory, or a folder beside it, cannot be used as it is."""


class SegmentUnusableError(OperatorError):
    """A segment cannot be opened because of its kind, owner or mode; the message has the command that mends it."""


class OutputError(OperatorError):
    """A file that a command was told to write cannot be written."""


class StorageFailedError(OperatorError):
    """The disk or the system failed a database, which may be sound."""


class StorageFullError(StorageFailedError):
    """There is no room for a database on its disk; the message names both."""


class InUseError(OperatorError):
    """Another process uses what is needed alone; it has to end first."""


class ConflictError(OperatorError):
    """Data was changed by another process while it was read; nothing is wrong with it."""


class LimitReachedError(OperatorError):
    """There are as many of something as can be; to try again is useless."""


class SettingsError(OperatorError):
    """A setting is unknown or malformed."""


class TimedOutError(OperatorError):
    """A command took longer than it was allowed to."""


class StoppedError(OperatorError):
    """An operation was stopped before its end."""


class Exit(IntEnum):
    """Exit codes besides 0 and click's 2; those above 64 follow sysexits.h and shells, so that scripts can tell why."""

    FINDINGS = 1
    DATA_DAMAGED = 65
    NO_DATA = 66
    UNAVAILABLE = 69
    CANNOT_CREATE = 73
    IO_ERROR = 74
    TRY_AGAIN = 75
    LIMIT_REACHED = 77
    CONFIG = 78
    TIMED_OUT = 124
    INTERRUPTED = 130


class Meaning(NamedTuple):
    """The ``code`` travels through the admin socket; the sentence is the manual's."""

    code: str
    exit: Exit
    sentence: str


MEANINGS: dict[type[OperatorError], Meaning] = {
    DamagedError: Meaning(
        "damaged",
        Exit.DATA_DAMAGED,
        "A database, a backup or an export is damaged or of another schema, or `id.key` is missing or another one",
    ),
    NoDataError: Meaning("no_data", Exit.NO_DATA, "There is no data where the command was told to look"),
    UnavailableError: Meaning(
        "unavailable",
        Exit.UNAVAILABLE,
        "The port is taken, a service does not answer, or an extra is not installed",
    ),
    DataDirectoryError: Meaning(
        "directory_unusable",
        Exit.CANNOT_CREATE,
        "This user cannot use the data directory or a database, or a file system is read-only",
    ),
    SegmentUnusableError: Meaning(
        "segment_unusable", Exit.CANNOT_CREATE, "A segment has another owner, mode or kind of file than it needs"
    ),
    OutputError: Meaning("output_unusable", Exit.CANNOT_CREATE, "An output file or standard output cannot be written"),
    StorageFailedError: Meaning("storage_failed", Exit.IO_ERROR, "The disk or the system failed a database"),
    StorageFullError: Meaning("storage_full", Exit.IO_ERROR, "The disk is full"),
    InUseError: Meaning(
        "in_use", Exit.TRY_AGAIN, "Another process holds the data directory, a database or a folder of backups"
    ),
    ConflictError: Meaning("conflict", Exit.TRY_AGAIN, "The data was changed while the command read it"),
    LimitReachedError: Meaning("limit_reached", Exit.LIMIT_REACHED, "As many installations are excluded as can be"),
    SettingsError: Meaning("misconfigured", Exit.CONFIG, "A setting is wrong"),
    OutdatedError: Meaning("outdated", Exit.CONFIG, "SQLite is too old"),
    TimedOutError: Meaning("timed_out", Exit.TIMED_OUT, "The time that `--timeout` allows is up"),
    StoppedError: Meaning("stopped", Exit.INTERRUPTED, "Ctrl-C, or SIGTERM during an erasure, stopped the command"),
}

_BY_CODE = {meaning.code: error for error, meaning in MEANINGS.items()}


def meaning(error: OperatorError) -> Meaning:
    """Return the code and the exit code of an error."""
    return MEANINGS[type(error)]


def named(code: str, sentence: str) -> OperatorError:
    """Return the error that a service has answered with; a code of another program's is ``UnavailableError``."""
    return _BY_CODE.get(code, UnavailableError)(sentence)
