"""The request to remove raw events early, and its report; both travel through the admin socket as JSON."""

import msgspec

from telemetry.storage.directory.segment_files import is_day


class RetireRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Asks to remove the days before a day. A dry run only reports."""

    before: str
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not is_day(self.before):
            raise ValueError("before: not a day")


class RetiredDay(msgspec.Struct):
    """A removed day with the events and bytes of its segment; both are 0 if the segment was ``missing``."""

    day: str
    events: int = 0
    bytes: int = 0
    missing: bool = False


class Retired(msgspec.Struct):
    """The days that were removed, or would be; ``kept`` days are in use or have events that are not counted yet."""

    days: list[RetiredDay]
    kept: list[str]
    dry_run: bool
    finished: bool = True
