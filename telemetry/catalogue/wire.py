"""The wire: request bodies into batches, and receipts.

A body is decoded in one typed pass. Only when that fails is it looked at event by event, so that a bad event costs
itself and not its neighbours.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from telemetry.catalogue.batches import Batch, Rejection
from telemetry.catalogue.documents import CONTAINERS_MAX, code_of_dense, raw_items, untyped_items
from telemetry.catalogue.events import KnownEvent, well_shaped
from telemetry.catalogue.rows import digests, to_rows
from telemetry.catalogue.rules import BatchRules, read_event
from telemetry.errors import EventRejected, Refusal


class Wire(StrEnum):
    """How a body is written: as by version 1 of the tool or as by version 2."""

    V1 = "v1"
    V2 = "v2"


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    events: list[KnownEvent]


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_encode = msgspec.json.Encoder().encode
_WHOLE_EVENTS_MIN = 4
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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
    """Decode a body that ``decode_batch`` refused with ``TooManyEvents``, as if there were no limit."""
    return await decode_in_parts(raw_items(body), rules, decode_batch)


async def decode_in_parts(
    items: list[msgspec.Raw], rules: BatchRules, decode: Callable[[bytes, BatchRules], Batch]
) -> Batch:
    """Decode events as ``decode`` would without a limit, yielding to other tasks after each ``events_max`` events."""
    batch = Batch()
    for start in range(0, len(items), rules.events_max):
        part = decode(b'{"events":[%b]}' % b",".join(items[start : start + rules.events_max]), rules)
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
