"""Rows of the event log: events as the log stores them, and back."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from telemetry.catalogue.documents import whole
from telemetry.catalogue.event import BASE_NAMES, Event, OtherEvent
from telemetry.catalogue.events import AnyEvent, wire_names
from telemetry.catalogue.logged import LOGGED_EVENTS, LoggedEvent
from telemetry.errors import EventRejected, RejectionCode

UNKNOWN_PAYLOAD_BYTES_MAX = 4_096
_DETAIL_LENGTH_MAX = 120
# Known fields are numbers, texts, or lists and maps of these.
_KNOWN_LEVELS = 1
_NO_FIELDS = "{}"

_encoder = msgspec.json.Encoder()
_decode_event = msgspec.json.Decoder(LoggedEvent).decode
_decode_events = msgspec.json.Decoder(list[LoggedEvent]).decode
_decode_anything = msgspec.json.Decoder().decode
# How much an encoded event has before its own fields, not counting the four values.
_BASE_LENGTH = sum(len(f'"{name}":"",') for name in BASE_NAMES) + len("{")


class Row(msgspec.Struct, frozen=True, gc=False):
    """The columns of an event that come from the client, as the log stores them."""

    type: str
    timestamp: str
    installation_id: str
    drift_version: str
    payload: str

    def digest(self) -> int:
        """Return the digest of the first copy of an event: 64 bits, different from process to process."""
        return hash((self.type, self.timestamp, self.installation_id, self.payload))


def digest_of(identity: tuple[str, ...]) -> int:
    """Return what ``Row.digest`` does, from the columns type, timestamp, installation_id and payload."""
    return hash(identity)


def digests(batch: Sequence[Row]) -> list[int]:
    """Return the digests of a whole batch: 64 bits each, different from process to process.

    Two rows share a digest only if they hold the same event and are the same copy of it: in every batch the copies of
    an event are numbered from 0. So a part of a batch must keep the digests that the rows got in the whole.
    """
    found = [row.digest() for row in batch]
    # Nearly every batch has no copies.
    return found if len(set(found)) == len(found) else _number_copies(found)


def nth_copy(digest: int, number: int) -> int:
    """Return the digest of a copy of an event from the digest of the first one, whose number is 0."""
    return hash((digest, number)) if number else digest


def _number_copies(found: Sequence[int]) -> list[int]:
    copies: Counter[int] = Counter()
    numbered = []
    for digest in found:
        numbered.append(nth_copy(digest, copies[digest]))
        copies[digest] += 1
    return numbered


def to_rows(events: Sequence[Event]) -> list[Row]:
    """Return the rows of events whose texts have been checked: only so are their lengths those of their encoding."""
    lines = _encoder.encode_lines(events).decode().split("\n")
    rows = []
    for event, line in zip(events, lines, strict=False):
        kind, timestamp, installation_id, version = (
            event.type, event.timestamp, event.installation_id, event.drift_version,
        )  # fmt: skip
        own_fields = _BASE_LENGTH + len(kind) + len(timestamp) + len(installation_id) + len(version)
        # Without fields of its own, the event ends where the comma before them would stand.
        rows.append(Row(kind, timestamp, installation_id, version, "{" + (line[own_fields:] or "}")))
    return rows


def to_untyped_row(event: AnyEvent, own_fields: dict[str, Any]) -> Row:
    """Return the row of an event with fields that the catalogue does not know; they have passed the privacy gate."""
    payload = orjson.dumps(own_fields)
    if len(payload) > UNKNOWN_PAYLOAD_BYTES_MAX:
        raise EventRejected(RejectionCode.CONTENT_REFUSED, f"more than {UNKNOWN_PAYLOAD_BYTES_MAX} bytes")
    return Row(event.type, event.timestamp, event.installation_id, event.drift_version, payload.decode())


def from_row(row: Row) -> AnyEvent:
    """Return the event that a row was made from, as far as the catalogue knows it. Never raises."""
    if row.type not in LOGGED_EVENTS:
        return OtherEvent(row.type, row.timestamp, row.installation_id, row.drift_version)
    flat = _flat(row)
    try:
        event: AnyEvent = _decode_event(flat)
    except msgspec.DecodeError:
        event = _from_odd_row(flat, row)
    return event


def from_rows(rows: Sequence[Row]) -> Sequence[AnyEvent]:
    """Return the events that rows were made from; decoded together, many cost half of what they would one by one."""
    try:
        events: Sequence[AnyEvent] = _decode_events(f"[{','.join(map(_flat, rows))}]")
    except msgspec.DecodeError:
        events = ()
    # A damaged payload may even look like two events, or like a part of one.
    return events if len(events) == len(rows) else [from_row(row) for row in rows]


def to_event(item: dict[str, Any], kind: str) -> AnyEvent:
    """Return what the catalogue knows of a decoded JSON object; raise ``EventRejected`` if it does not fit."""
    return _converted(item, LOGGED_EVENTS.get(kind, OtherEvent))


def _converted(item: dict[str, Any], event_class: type[AnyEvent]) -> AnyEvent:
    names = wire_names(event_class)
    try:
        known = {name: whole(value, _KNOWN_LEVELS) for name, value in item.items() if name in names}
        event: AnyEvent = msgspec.convert(known, event_class)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
    return event


def misfit(error: msgspec.ValidationError) -> EventRejected:
    """Return the rejection of an event whose fields do not match its type."""
    message = str(error)
    code = RejectionCode.FIELD_INVALID
    if message.startswith("Object missing required field"):
        code = RejectionCode.FIELD_MISSING
    elif "matching regex" in message:
        # Senders need the name of the field, not the pattern.
        message = f"Unexpected text - at {message.rpartition(' - at ')[2]}"
    # The message repeats a value that is not allowed, however long it is.
    return EventRejected(code, message[:_DETAIL_LENGTH_MAX])


def _flat(row: Row) -> str:
    return (
        f'{{"type":"{row.type}","timestamp":"{row.timestamp}","installationId":"{row.installation_id}",'
        f'"driftVersion":"{row.drift_version}"{"," if row.payload != _NO_FIELDS else ""}{row.payload[1:]}'
    )


def _from_odd_row(flat: str, row: Row) -> AnyEvent:
    event_class = LOGGED_EVENTS[row.type]
    try:
        event = _converted(_without_odd_options(_decode_anything(flat), event_class), event_class)
    except (msgspec.DecodeError, EventRejected):
        event = None
    if event is None or event.missing():
        # Stored by another program, or damaged: it counts as an event, but its fields are not understood.
        return OtherEvent(row.type, row.timestamp, row.installation_id, row.drift_version)
    return event


def _without_odd_options(item: dict[str, Any], event_class: type[AnyEvent]) -> dict[str, Any]:
    """Return an object without the optional fields that do not fit; a catalogue without these kept any measurement."""
    options = {field.encode_name: field.type for field in msgspec.structs.fields(event_class) if not field.required}
    return {name: value for name, value in item.items() if name not in options or _fits(value, options[name])}


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(whole(value, _KNOWN_LEVELS), kind)
    except msgspec.ValidationError:
        return False
    return True
