"""Bytes to events and back: request bodies into batches, events into rows of the log, rows into events.

A batch is decoded in one typed pass. Only when that fails is it looked at event by event, so that a bad event costs
itself and not its neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import orjson

from telemetry.errors import ErrorCode, EventRejected, Refusal, RejectionCode
from telemetry.events import KNOWN_EVENTS, AnyEvent, KnownEvent, OtherEvent, wire_names
from telemetry.gate import check_unknown
from telemetry.shapes import is_installation_id, is_type_name, is_version, parse_timestamp

UNKNOWN_PAYLOAD_BYTES_MAX = 4_096
_DETAIL_LENGTH_MAX = 120

_BASE_NAMES = ("type", "timestamp", "installationId", "driftVersion")
_WIRE_NAMES = {name: wire_names(known) for name, known in KNOWN_EVENTS.items()}
# How much an encoded event has before its own fields, not counting the four values.
_BASE_LENGTH = sum(len(f'"{name}":"",') for name in _BASE_NAMES) + 1


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: list[KnownEvent]


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_event = msgspec.json.Decoder(KnownEvent).decode
_decode_anything = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Row(NamedTuple):
    """The columns of an event that come from the client, as the log stores them."""

    type: str
    timestamp: str
    installation_id: str
    drift_version: str
    payload: str

    @property
    def digest(self) -> int:
        """64 bits that two rows share only if they hold the same event; they differ from process to process."""
        return hash((self.type, self.timestamp, self.installation_id, self.payload))


class Rejection(msgspec.Struct, frozen=True):
    """One event that was not stored: its place in the batch and the reason."""

    index: int
    code: RejectionCode
    error: str


@dataclass(slots=True)
class Batch:
    """What one request carries, decoded: valid events with their rows, and a reason for each invalid one."""

    events: list[AnyEvent] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BatchRules:
    """What may differ between requests and installations of the service: limits and the current time window."""

    events_max: int
    earliest: datetime
    latest: datetime

    def check_timestamp(self, text: str) -> None:
        """Raise ``EventRejected`` unless ``text`` is an instant within the window."""
        instant = parse_timestamp(text)
        if instant is None:
            raise EventRejected(RejectionCode.TIMESTAMP_INVALID)
        if instant > self.latest:
            raise EventRejected(RejectionCode.TIMESTAMP_AHEAD)
        if instant < self.earliest:
            raise EventRejected(RejectionCode.TIMESTAMP_EXPIRED)


def decode_batch(body: bytes, rules: BatchRules) -> Batch:
    """Decode a request body; raise ``Refusal`` if it is no batch at all. Never raises anything else."""
    items: list[Any]
    read: Callable[[Any, BatchRules], tuple[AnyEvent, Row]] = _read_typed
    try:
        items = _decode_envelope(body).events
    except _UNDECODABLE:
        items, read = _untyped_items(body), _read_untyped
    if len(items) > rules.events_max:
        raise Refusal(ErrorCode.TOO_MANY_EVENTS, limit=rules.events_max)
    batch = Batch()
    for index, item in enumerate(items):
        try:
            event, row = read(item, rules)
        except EventRejected as rejected:
            batch.rejections.append(Rejection(index, rejected.code, rejected.sentence))
        else:
            batch.events.append(event)
            batch.rows.append(row)
    return batch


def decode_row(row: Row) -> AnyEvent:
    """Return the event that a row of the log was made from, as far as the catalogue knows it. Never raises."""
    if row.type not in KNOWN_EVENTS:
        return OtherEvent(*row[:4])
    base = (
        f'{{"type":"{row.type}","timestamp":"{row.timestamp}","installationId":"{row.installation_id}",'
        f'"driftVersion":"{row.drift_version}",'
    )
    flat = base + row.payload[1:]
    event: AnyEvent
    try:
        event = _decode_event(flat)
    except msgspec.DecodeError:
        event = _decode_lenient(flat, row)
    return event


def encode_rows(rows: list[Row]) -> str:
    """Return rows as one JSON array of arrays, the form in which ``sql/append_events.sql`` takes a group."""
    return _encode(rows).decode()


def encode_receipt(processed: int, rejections: list[Rejection]) -> bytes:
    """Return the answer to a batch; without rejections it is byte for byte what deployed clients expect."""
    if not rejections:
        return b'{"success":true,"eventsProcessed":%d}' % processed
    return _encode({"success": True, "eventsProcessed": processed, "rejected": rejections})


def _decode_lenient(flat: str, row: Row) -> AnyEvent:
    try:
        return _known_part(_decode_anything(flat), row.type)
    except (msgspec.DecodeError, EventRejected):
        # Stored by an older catalogue or another program: it counts as an event, but its fields are not understood.
        return OtherEvent(*row[:4])


def _read_typed(event: KnownEvent, rules: BatchRules) -> tuple[AnyEvent, Row]:
    event.check_texts()
    rules.check_timestamp(event.timestamp)
    name, timestamp, installation_id, version = event.type, event.timestamp, event.installation_id, event.drift_version
    own_fields = _BASE_LENGTH + len(name) + len(timestamp) + len(installation_id) + len(version)
    payload = "{" + _encode(event)[own_fields:].decode()
    return event, Row(name, timestamp, installation_id, version, payload)


def _untyped_items(body: bytes) -> list[Any]:
    try:
        document = _decode_anything(body)
    except _UNDECODABLE:
        raise Refusal(ErrorCode.INVALID_JSON) from None
    items = document.get("events") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise Refusal(ErrorCode.EVENTS_REQUIRED)
    return items


def _read_untyped(item: Any, rules: BatchRules) -> tuple[AnyEvent, Row]:
    if not isinstance(item, dict):
        raise EventRejected(RejectionCode.NOT_AN_OBJECT)
    name = item.get("type")
    if not isinstance(name, str) or not is_type_name(name):
        raise EventRejected(RejectionCode.TYPE_INVALID)
    known = _WIRE_NAMES.get(name)
    if known is None:
        return _read_other(item, rules)
    event = _known_part(item, name)
    if item.keys() <= known:
        return _read_typed(event, rules)
    event.check_texts()
    rules.check_timestamp(event.timestamp)
    check_unknown({key: value for key, value in item.items() if key not in known})
    return event, _untyped_row(item)


def _read_other(item: dict[str, Any], rules: BatchRules) -> tuple[OtherEvent, Row]:
    event: OtherEvent = _convert({key: item[key] for key in _BASE_NAMES if key in item}, OtherEvent)
    if not is_installation_id(event.installation_id):
        raise EventRejected(RejectionCode.INSTALLATION_INVALID)
    if not is_version(event.drift_version):
        raise EventRejected(RejectionCode.VERSION_INVALID)
    rules.check_timestamp(event.timestamp)
    check_unknown({key: value for key, value in item.items() if key not in _BASE_NAMES})
    return event, _untyped_row(item)


def _untyped_row(item: dict[str, Any]) -> Row:
    payload = orjson.dumps({key: value for key, value in item.items() if key not in _BASE_NAMES})
    if len(payload) > UNKNOWN_PAYLOAD_BYTES_MAX:
        raise EventRejected(RejectionCode.CONTENT_REFUSED, f"more than {UNKNOWN_PAYLOAD_BYTES_MAX} bytes")
    return Row(item["type"], item["timestamp"], item["installationId"], item["driftVersion"], payload.decode())


def _known_part(item: dict[str, Any], name: str) -> KnownEvent:
    names = _WIRE_NAMES[name]
    event: KnownEvent = _convert({key: value for key, value in item.items() if key in names}, KNOWN_EVENTS[name])
    return event


def _convert(item: dict[str, Any], event_class: Any) -> Any:
    try:
        return msgspec.convert(item, event_class)
    except msgspec.ValidationError as error:
        missing = str(error).startswith("Object missing required field")
        code = RejectionCode.FIELD_MISSING if missing else RejectionCode.FIELD_INVALID
        # The message repeats a value that is not among the allowed ones, however long it is.
        raise EventRejected(code, str(error)[:_DETAIL_LENGTH_MAX]) from None
