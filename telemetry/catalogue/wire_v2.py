"""The wire of version 2 of the tool: decodes its batches into the events and rows of version 1.

A body is a bare array of events, or an object with an array ``events``. Names are in snake case, times are Unix
seconds, and measurements are in ``properties``. An event becomes what version 1 would have sent: properties that its
type knows become fields with names in camel case; all others keep their names and go through the privacy gate.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.documents import CONTAINERS_MAX, code_of_dense, raw_items, untyped_items
from telemetry.catalogue.event import BASE_NAMES, OtherEvent
from telemetry.catalogue.events import KNOWN_EVENTS, AnyEvent
from telemetry.catalogue.fields import Context, InstallationId, Platform, Version
from telemetry.catalogue.rows import Row, digests, misfit
from telemetry.catalogue.rules import BatchRules, read_event
from telemetry.catalogue.shapes import TEXT_LENGTH_MAX, TYPE_NAME_PATTERN
from telemetry.catalogue.wire import decode_in_parts
from telemetry.errors import SECOND_REJECTION_SENTENCES, EventRejected, Refusal, RejectionCode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The year 5138: later times are milliseconds.
_SECONDS_MAX = 99_999_999_999
_find_capital = re.compile(r"(?<=[a-z0-9])[A-Z]")
_find_quoted = re.compile("`[^`]*`")


class SentEvent(msgspec.Struct, frozen=True):
    """One event as version 2 of the tool sends it. What it measures is in `properties`."""

    anonymous_id: InstallationId
    event_type: Annotated[
        str,
        Meta(max_length=TEXT_LENGTH_MAX, extra_json_schema={"pattern": f"^(?:{TYPE_NAME_PATTERN})$"}),
    ]
    drift_version: Version
    timestamp: int | Annotated[float, Meta(description="Unix seconds.")]
    platform: Platform | None = None
    context: Context | None = None
    properties: dict[str, Any] | None = None


_SENT_NAMES = frozenset(SentEvent.__struct_fields__)


def decode_batch_v2(body: bytes, rules: BatchRules) -> Batch:
    """Decode a request body of version 2; raise ``Refusal`` if it is no batch at all. Never raises anything else."""
    if len(body) > CONTAINERS_MAX and (code := code_of_dense(body, bare=True)):
        raise Refusal(code, limit=rules.events_max)
    items = untyped_items(body, bare=True)
    rules.check_size(len(items))
    batch = Batch()
    for index, item in enumerate(items):
        try:
            event, row = _read(item, rules)
        except EventRejected as rejected:
            rejected.sentence = _in_snake_case(rejected)
            batch.reject(index, rejected, item.get("drift_version") if isinstance(item, dict) else None)
        else:
            batch.events.append(event)
            batch.rows.append(row)
    batch.digests = digests(batch.rows)
    return batch


async def decode_large_batch_v2(body: bytes, rules: BatchRules) -> Batch:
    """Decode a body that ``decode_batch_v2`` refused with ``TooManyEvents``, as if there were no limit."""
    return await decode_in_parts(raw_items(body, bare=True), rules, decode_batch_v2)


def _read(item: Any, rules: BatchRules) -> tuple[AnyEvent, Row]:
    if isinstance(item, EventRejected):
        raise item
    if not isinstance(item, dict):
        raise EventRejected(RejectionCode.NOT_AN_OBJECT)
    if not isinstance(item.get("event_type"), str):
        raise EventRejected(RejectionCode.TYPE_INVALID)
    # For a text, the rejection names the wanted format instead of a JSON type.
    if isinstance(item.get("timestamp"), str):
        raise EventRejected(RejectionCode.TIMESTAMP_INVALID)
    try:
        sent = msgspec.convert(item, SentEvent)
    except msgspec.ValidationError as error:
        raise misfit(error) from None
    return read_event(_flat(sent, {name: value for name, value in item.items() if name not in _SENT_NAMES}), rules)


def _flat(sent: SentEvent, beside: dict[str, Any]) -> dict[str, Any]:
    """Return an event as version 1 would have sent it; ``beside`` has fields that version 2 does not define."""
    base = (sent.event_type, _timestamp(sent.timestamp), sent.anonymous_id, sent.drift_version)
    flat: dict[str, Any] = dict(zip(BASE_NAMES, base, strict=True))
    flat |= {name: value for name, value in (("context", sent.context), ("platform", sent.platform)) if value}
    names = _known_names(KNOWN_EVENTS.get(sent.event_type, OtherEvent))
    for name, value in (*(sent.properties or {}).items(), *beside.items()):
        known = names.get(name, name)
        if known in flat:
            raise EventRejected(RejectionCode.FIELD_INVALID, f"a property has the name of another field: `{known}`")
        flat[known] = value
    return flat


@cache
def _known_names(event_class: type[AnyEvent]) -> dict[str, str]:
    """Return version 1's names for the fields of a type, by version 2's names."""
    return {field.name: field.encode_name for field in msgspec.structs.fields(event_class)}


def _timestamp(seconds: float) -> str:
    """Return a time as clients of version 1 write it; raise ``EventRejected`` if it is out of range."""
    if not abs(seconds) <= _SECONDS_MAX:
        raise EventRejected(RejectionCode.TIMESTAMP_INVALID)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise EventRejected(RejectionCode.TIMESTAMP_INVALID) from None
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _in_snake_case(rejected: EventRejected) -> str:
    """Return the sentence of a rejection with version 2's names."""
    sentence = SECOND_REJECTION_SENTENCES[rejected.code]
    if not rejected.detail:
        return sentence
    detail = _find_quoted.sub(
        lambda quoted: _find_capital.sub(lambda capital: f"_{capital[0].lower()}", quoted[0]), rejected.detail
    )
    return f"{sentence} ({detail})"
