"""What a check finds."""

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad it is: an error needs a person, a warning can wait, a note only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """Something a check found, and a sentence that says what to do about it."""

    severity: Severity
    subject: str
    sentence: str
