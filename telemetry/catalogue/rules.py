"""Which events are accepted, and the form in which they are stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from telemetry.catalogue.documents import whole
from telemetry.catalogue.event import BASE_NAMES, OtherEvent
from telemetry.catalogue.events import AnyEvent, KnownEvent, wire_names
from telemetry.catalogue.gate import DEPTH_MAX, check_unknown
from telemetry.catalogue.logged import LOGGED_EVENTS
from telemetry.catalogue.rows import Row, to_event, to_rows, to_untyped_row
from telemetry.catalogue.shapes import is_type_name
from telemetry.catalogue.timestamps import parse_timestamp, parse_timestamps
from telemetry.errors import EventMistimed, EventRejected, RejectionCode, TooManyEvents

# What clients' clocks may be ahead of the server's.
CLOCK_AHEAD_MAX = timedelta(hours=24)


class BatchRules(msgspec.Struct, frozen=True):
    """The limits of a batch: how many events it may have, and when they may have occurred."""

    events_max: int
    earliest: datetime
    latest: datetime

    def check_size(self, events: int) -> None:
        """Raise ``TooManyEvents`` if a batch is above the limit."""
        if events > self.events_max:
            raise TooManyEvents(events, self.events_max)

    def rejection(self, event: AnyEvent) -> EventRejected | None:
        """Return why an event of a fitting type is not accepted, or None.

        Batches whose events are all of known types are looked at as a whole first, and come here only when that finds
        something: what is rejected here has to be found by ``are_well_shaped`` or ``oldest`` too.
        """
        if name := event.missing():
            return EventRejected(RejectionCode.FIELD_MISSING, f"Object missing required field `{name}`")
        if code := event.misshapen():
            return EventRejected(code)
        occurred_at = parse_timestamp(event.timestamp)
        if occurred_at is None:
            return EventRejected(RejectionCode.TIMESTAMP_INVALID)
        if self.earliest <= occurred_at <= self.latest:
            return None
        code = RejectionCode.TIMESTAMP_AHEAD if occurred_at > self.latest else RejectionCode.TIMESTAMP_EXPIRED
        return EventMistimed(code, event.installation_id, occurred_at.timestamp())

    def oldest(self, events: Sequence[KnownEvent]) -> datetime | None:
        """Return when the first of the events occurred, or None if one is mistimed."""
        instants = parse_timestamps(list(map(attrgetter("timestamp"), events)))
        if not instants or max(instants) > self.latest:
            return None
        oldest = min(instants)
        return oldest if self.earliest <= oldest else None


def read_event(item: Any, rules: BatchRules, *, logged: bool = False) -> tuple[AnyEvent, Row]:
    """Return one decoded event as it is stored, and its row; raise ``EventRejected`` if it breaks a rule.

    A ``logged`` event comes from a log of this service, not from a client: it may have a type that no client sends.
    """
    if isinstance(item, EventRejected):
        raise item
    if not isinstance(item, dict):
        raise EventRejected(RejectionCode.NOT_AN_OBJECT)
    kind = item.get("type")
    if not isinstance(kind, str) or not (is_type_name(kind) or (logged and kind in LOGGED_EVENTS)):
        raise EventRejected(RejectionCode.TYPE_INVALID)
    event = to_event(item, kind)
    if rejected := rules.rejection(event):
        raise rejected
    event, known = event.as_stored(), wire_names(type(event))
    unknown = {name: value for name, value in item.items() if name not in known}
    check_unknown(unknown)
    if unknown or isinstance(event, OtherEvent):
        own_fields = {name: whole(value, DEPTH_MAX) for name, value in item.items() if name not in BASE_NAMES}
        return event, to_untyped_row(event, own_fields)
    return event, to_rows([event])[0]
