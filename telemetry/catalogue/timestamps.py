"""Timestamps as RFC 3339 defines them, and the one form in which they are stored.

The standard library reads more than that, and other releases of it read other things, so the shape is checked here.
The stored form is one that every reader takes (SQLite's ``datetime``, Parquet, Python): UTC with a ``T``, a ``Z`` and
up to nine digits of a fraction.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

# A fraction may have any number of digits, within reason.
TIMESTAMP_LENGTH_MAX = 128
TIMESTAMP_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)

_FRACTION_DIGITS_MAX = 9
_SECOND = slice(17, 19)
_LEAP_MINUTE = (23, 59)
_match = re.compile(TIMESTAMP_PATTERN).fullmatch
_match_stored = re.compile(r"[^t]{19}(?:\.[0-9]{1,9})?Z").fullmatch
# Nearly all clients write this form. Every digit of it is a 0 here.
_USUAL = b"0000-00-00T00:00:00.000Z"
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"0" * 9)


def parse_timestamp(text: str) -> datetime | None:
    """Return the instant that ``text`` names in RFC 3339, or None.

    Second 60 is the one after 23:59:59 UTC, on any day: leap seconds are announced half a year ahead, and no table of
    them is kept here.
    """
    if _match(text) is None:
        return None
    is_leap = text[_SECOND] == "60"
    plain = f"{text[:17]}59{text[19:]}" if is_leap else text
    try:
        instant = datetime.fromisoformat(plain.upper())
        if not is_leap:
            return instant
        in_utc = instant.astimezone(UTC)
        return instant + timedelta(seconds=1) if (in_utc.hour, in_utc.minute) == _LEAP_MINUTE else None
    except (ValueError, OverflowError):
        return None


def parse_timestamps(texts: Sequence[str]) -> list[datetime]:
    """Return the instants that the texts name, or nothing unless all are in the form that nearly all clients write."""
    joined = "".join(texts).encode(errors="replace")
    # Some releases of Python take 24:00 for midnight.
    if set(map(len, texts)) != {len(_USUAL)} or b"T24" in joined:
        return []
    if joined.translate(_DIGITS_TO_ZERO) != _USUAL * len(texts):
        return []
    try:
        return list(map(datetime.fromisoformat, texts))
    except ValueError:
        return []


def stored_timestamp(text: str) -> str:
    """Return the stored form of a timestamp that ``parse_timestamp`` can read, its fraction cut to nine digits."""
    if _match_stored(text) is not None and text[_SECOND] != "60":
        return text
    instant = parse_timestamp(text)
    assert instant is not None
    fraction = re.search(r"\.[0-9]+", text)
    digits = fraction[0][: _FRACTION_DIGITS_MAX + 1] if fraction else ""
    second = instant.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return f"{second.isoformat()}{digits}Z"
