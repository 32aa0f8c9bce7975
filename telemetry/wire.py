"""The wire: request bodies into batches, and receipts.

A body is decoded in one typed pass. Only when that fails is it looked at event by event, so that a bad event costs
itself and not its neighbours.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import replace

from telemetry.documents import CONTAINERS_MAX, code_of_dense, raw_items, untyped_items, whole
from telemetry.errors import EventMistimed, EventRejected, Refusal, RejectionCode, TooManyEvents
from telemetry.events import BASE_NAMES, AnyEvent, KnownEvent, OtherEvent, well_shaped, wire_names
from telemetry.gate import DEPTH_MAX, check_unknown
from telemetry.rows import Row, digests, to_event, to_rows, to_untyped_row
from telemetry.shapes import is_type_name
from telemetry.timestamps import parse_timestamp, parse_timestamps
from telemetry.versions import version_number


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: list[KnownEvent]


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_encode = msgspec.json.Encoder().encode
_installation_id = attrgetter("installation_id")
_WHOLE_EVENTS_MIN = 4
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

OUT_OF_WINDOW = frozenset({RejectionCode.TIMESTAMP_AHEAD, RejectionCode.TIMESTAMP_EXPIRED})


class Rejection(msgspec.Struct, frozen=True):
    """One event that was not stored: its place in the batch and the reason."""

    index: int
    code: RejectionCode
    error: str


@dataclass(slots=True)
class Batch:
    """What one request carries, decoded: valid events with their rows and digests, and a reason for each invalid one.

    The digests number the copies of an event within the request (see ``rows.digests``); a part of a batch keeps them.
    An event that is sound but for its time is among the ``rejections``, and among the ``mistimed`` too. Each rejection
    has its place in ``rejected_versions``: the number of the version that the event names, or ``""``.
    ``sent_ids`` holds the installation ids that are not stored as they were sent, by their stored form.
    """

    events: list[AnyEvent] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    mistimed: list[EventMistimed] = field(default_factory=list)
    rejected_versions: list[str] = field(default_factory=list)
    # No event occurred before, in Unix seconds.
    occurred_from: float = float("-inf")
    sent_ids: dict[str, str] = field(default_factory=dict)

    def reject(self, index: int, rejected: EventRejected, version: object) -> None:
        """Note why an event is not among those of the batch, and the version it names."""
        self.rejections.append(Rejection(index, rejected.code, rejected.sentence))
        self.rejected_versions.append(version_number(version))
        if isinstance(rejected, EventMistimed):
            self.mistimed.append(rejected)

    def installations(self) -> list[str]:
        """Return the installation of each event, as it is stored."""
        return list(map(_installation_id, self.rows))

    def parts(self, events_max: int) -> Iterator["Batch"]:
        """Return its events in batches of at most ``events_max``, without the rejections."""
        for start in range(0, len(self.rows), events_max):
            part = slice(start, start + events_max)
            yield Batch(
                self.events[part],
                self.rows[part],
                self.digests[part],
                occurred_from=self.occurred_from,
                sent_ids=self.sent_ids,
            )

    def store_ids_as(self, stored: Callable[[str], str]) -> None:
        """Give every event the stored form of its installation id; nearly every id is stored as it was sent."""
        for mistimed in self.mistimed:
            mistimed.installation_id = stored(mistimed.installation_id)
        forms = {sent: form for sent in set(map(_installation_id, self.rows)) if (form := stored(sent)) != sent}
        if not forms:
            return
        self.sent_ids = {form: sent for sent, form in forms.items()}
        for index, row in enumerate(self.rows):
            if row.installation_id in forms:
                form = forms[row.installation_id]
                self.rows[index] = replace(row, installation_id=form)
                self.events[index] = replace(self.events[index], installation_id=form)
        self.digests = digests(self.rows)


@dataclass(frozen=True, slots=True)
class BatchRules:
    """What is not in the catalogue: how many events a batch may have, and when they may have occurred."""

    events_max: int
    earliest: datetime
    latest: datetime

    def check_size(self, events: int) -> None:
        """Raise ``TooManyEvents`` if a batch is above the limit."""
        if events > self.events_max:
            raise TooManyEvents(events, self.events_max)

    def rejection(self, event: AnyEvent) -> EventRejected | None:
        """Return why an event of a fitting type is not accepted, or None."""
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


def decode_batch(body: bytes, rules: BatchRules) -> Batch:
    """Decode a request body; raise ``Refusal`` if it is no batch at all. Never raises anything else."""
    if len(body) > CONTAINERS_MAX and (code := code_of_dense(body)):
        raise Refusal(code, limit=rules.events_max)
    try:
        events: list[KnownEvent] = _decode_envelope(body).events
    except _UNDECODABLE:
        batch = _decode_each(untyped_items(body), rules)
    else:
        batch = _decode_together(events, rules)
    batch.digests = digests(batch.rows)
    return batch


async def decode_large_batch(body: bytes, rules: BatchRules) -> Batch:
    """Decode a body that ``decode_batch`` refused with ``TooManyEvents``, as if there were no limit.

    It is decoded in parts of ``events_max``, and other tasks get a turn after each.
    """
    items = raw_items(body)
    batch = Batch()
    for start in range(0, len(items), rules.events_max):
        part = decode_batch(b'{"events":[%b]}' % b",".join(items[start : start + rules.events_max]), rules)
        batch.events += part.events
        batch.rows += part.rows
        batch.mistimed += part.mistimed
        batch.rejected_versions += part.rejected_versions
        batch.rejections += [Rejection(start + each.index, each.code, each.error) for each in part.rejections]
        await asyncio.sleep(0)
    batch.digests = digests(batch.rows)
    return batch


def encode_receipt(processed: int, rejections: list[Rejection]) -> bytes:
    """Return the answer to a batch; without rejections it is byte for byte what deployed clients expect."""
    if not rejections:
        return b'{"success":true,"eventsProcessed":%d}' % processed
    return _encode({"success": True, "eventsProcessed": processed, "rejected": rejections})


def _decode_together(events: list[KnownEvent], rules: BatchRules) -> Batch:
    rules.check_size(len(events))
    batch = Batch()
    # Nearly every batch is valid; checking it as a whole is cheaper, unless it is tiny.
    oldest = rules.oldest(events) if len(events) >= _WHOLE_EVENTS_MIN and well_shaped(events) else None
    if oldest is None:
        events = _sift(events, rules, batch)
    else:
        batch.occurred_from = oldest.timestamp()
    batch.events.extend(events)
    batch.rows = to_rows(events)
    return batch


def _sift(events: list[KnownEvent], rules: BatchRules, batch: Batch) -> list[KnownEvent]:
    """Return the valid events as they are stored; the others are rejected."""
    accepted: list[KnownEvent] = []
    for index, event in enumerate(events):
        if rejected := rules.rejection(event):
            batch.reject(index, rejected, event.drift_version)
        else:
            accepted.append(event.as_stored())
    return accepted


def _decode_each(items: list[Any], rules: BatchRules) -> Batch:
    rules.check_size(len(items))
    batch = Batch()
    for index, item in enumerate(items):
        try:
            event, row = read_event(item, rules)
        except EventRejected as rejected:
            batch.reject(index, rejected, item.get("driftVersion") if isinstance(item, dict) else None)
        else:
            batch.events.append(event)
            batch.rows.append(row)
    return batch


def read_event(item: Any, rules: BatchRules) -> tuple[AnyEvent, Row]:
    """Return one decoded event as it is stored, and its row; raise ``EventRejected`` if it does not fit."""
    if isinstance(item, EventRejected):
        raise item
    if not isinstance(item, dict):
        raise EventRejected(RejectionCode.NOT_AN_OBJECT)
    kind = item.get("type")
    if not isinstance(kind, str) or not is_type_name(kind):
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
