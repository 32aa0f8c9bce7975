"""What may be asked of retention before its time, and what it reports; both travel through the admin socket as JSON."""

import msgspec

from telemetry.storage.directory.segment_files import is_day


class RetireRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The days to remove: those before a day. A dry run only reports."""

    before: str
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not is_day(self.before):
            raise ValueError("before: not a day")


class RetiredDay(msgspec.Struct):
    """A day that is removed, with the events and bytes of its segment; both are 0 of one that was ``missing``."""

    day: str
    events: int = 0
    bytes: int = 0
    missing: bool = False


class Retired(msgspec.Struct):
    """The days that were removed, or would be; those that were ``kept`` are in use, or not counted to their end."""

    days: list[RetiredDay]
    kept: list[str]
    dry_run: bool
    finished: bool = True
