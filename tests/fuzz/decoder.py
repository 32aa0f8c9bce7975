"""Any bytes as a request body: what the decoder promises of them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.rows import Row, from_rows
from telemetry.catalogue.rules import BatchRules, read_event
from telemetry.catalogue.wire import decode_batch, encode_receipt
from telemetry.counting.counters import Appended, Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.errors import ErrorCode, Refusal

RULES = BatchRules(100, datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
REFUSALS = {ErrorCode.INVALID_JSON, ErrorCode.EVENTS_REQUIRED, ErrorCode.TOO_MANY_EVENTS}
# Code, paths and addresses cannot do without these.
_TELLTALE = re.compile(r"[\s\x00-\x1f@/\\(){}\[\]<>'\"`;]")
# An operating system and an architecture, one word each.
_match_platform = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}/[A-Za-z][A-Za-z0-9]{0,15}(?:_[0-9]{2})?").fullmatch


def decode(body: bytes) -> None:
    """Decode a body; raise ``AssertionError`` if it gives anything but a batch or a coded refusal."""
    batch = _batch(body)
    if batch is None:
        return
    # Python refuses to read an integer of thousands of digits; no such event is accepted.
    items = json.loads(body, parse_int=lambda digits: int(digits[:400]))["events"]
    rejected = [rejection.index for rejection in batch.rejections]
    assert rejected == sorted(set(rejected))
    accepted = [item for index, item in enumerate(items) if index not in set(rejected)]
    assert len(accepted) == len(batch.events) == len(batch.rows)
    json.loads(encode_receipt(len(batch.rows), batch.rejections))

    # Alone or with neighbours, an event fares the same; and the log gives back what was counted.
    alone = [read_event(item, RULES) for item in accepted]
    assert [event for event, _ in alone] == batch.events
    assert list(from_rows(batch.rows)) == batch.events
    for row in batch.rows:
        assert not [text for text in texts(row) if _TELLTALE.search(text) and not _match_platform(text)]
    ids = range(1, len(batch.events) + 1)
    Counters(DayLabels(labels_max=10)).add(Appended("2026-11-23", "2026-11-23T12:00:00.000Z", ids, batch.events))


def _batch(body: bytes) -> Batch | None:
    refused_with = None
    try:
        return decode_batch(body, RULES)
    except Refusal as refusal:
        refused_with = refusal.code
    assert refused_with in REFUSALS
    return None


def texts(row: Row) -> Iterator[str]:
    """Yield every text that would be stored."""
    yield from (row.type, row.timestamp, row.installation_id, row.drift_version)
    yield from _texts(json.loads(row.payload))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _texts(item)
