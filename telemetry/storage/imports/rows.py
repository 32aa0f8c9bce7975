"""What becomes of each row of the old worker: it is judged as if this service had received it then.

Most rows are kept as they are. Some are mapped: written differently, saying the same. The others are refused, each with
a reason.
"""

from datetime import MAXYEAR, UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from msgspec.structs import replace

from telemetry.catalogue.documents import INTEGER_MAX, whole
from telemetry.catalogue.event import BASE_NAMES
from telemetry.catalogue.gate import DEPTH_MAX
from telemetry.catalogue.installations import UNKNOWN_INSTALLATION
from telemetry.catalogue.rows import Row
from telemetry.catalogue.rules import CLOCK_AHEAD_MAX, BatchRules, read_event
from telemetry.catalogue.shapes import is_label, is_type_name
from telemetry.catalogue.stored_ids import IdKey
from telemetry.catalogue.versions import is_version
from telemetry.errors import REJECTION_SENTENCES, EventRejected

_YEAR_MIN = 2000
TOTALS = frozenset({"unique_installations", "new_installations"})


class Reason(StrEnum):
    """Why a row of the old worker was refused, besides the reasons why an event is rejected."""

    NOT_TEXT = "not_text"
    PAYLOAD_INVALID = "payload_invalid"
    RECEIVED_INVALID = "received_invalid"
    RECEIVED_AHEAD = "received_ahead"
    EXCLUDED = "excluded"
    FORGOTTEN = "forgotten"
    COUNTER_INVALID = "counter_invalid"


REASON_SENTENCES: dict[str, str] = {
    **{str(code): sentence for code, sentence in REJECTION_SENTENCES.items()},
    Reason.NOT_TEXT: "A column holds bytes that are no text",
    Reason.PAYLOAD_INVALID: "The payload is no JSON object",
    Reason.RECEIVED_INVALID: "created_at is no time such as 2026-11-23 15:33:48",
    Reason.RECEIVED_AHEAD: "created_at lies in the future",
    Reason.EXCLUDED: "The installation was excluded",
    Reason.FORGOTTEN: "The installation was forgotten after that",
    Reason.COUNTER_INVALID: "Not a day, a metric and a count",
}


class Mapping(StrEnum):
    """What was written differently in a row that says the same."""

    INSTALLATION = "an empty installation id became `unknown`"
    TIMESTAMP = "the timestamp was written in UTC"
    HASHED_ID = "an installation id that is not a random UUID became a keyed hash"
    PAYLOAD = "the payload was written anew"
    RECEIVED = "created_at was written anew"


class OldRow(NamedTuple):
    """A row of the old worker's ``events``, as it was found."""

    id: int
    type: Any
    timestamp: Any
    installation_id: Any
    drift_version: Any
    payload: Any
    created_at: Any


class Judged(NamedTuple):
    """A row that is taken over, and what was mapped in it. ``sent_id`` is the installation id before it was hashed."""

    row: Row
    sent_id: str
    received_at: str
    mapped: tuple[Mapping, ...]


class RowRefusedError(Exception):
    """A row is not taken over."""

    def __init__(self, reason: str, sentence: str | None = None) -> None:
        self.reason = reason
        self.sentence = sentence or REASON_SENTENCES[reason]
        super().__init__(self.sentence)


def judge(old: OldRow, retention: timedelta, now: datetime, id_key: IdKey, *, logged: bool = False) -> Judged:
    """Return what becomes of a row; raise ``RowRefusedError`` if it is not imported.

    ``logged`` rows were stored by an instance of this service: see ``read_event``.
    """
    columns = (old.type, old.timestamp, old.installation_id, old.drift_version, old.created_at)
    if not all(isinstance(column, str) for column in columns):
        raise RowRefusedError(Reason.NOT_TEXT)
    received = _received(old.created_at)
    if received > now + CLOCK_AHEAD_MAX:
        raise RowRefusedError(Reason.RECEIVED_AHEAD)
    received_at = f"{received:%Y-%m-%d %H:%M:%S}"
    installation_id = old.installation_id or UNKNOWN_INSTALLATION
    own_fields = _own_fields(old.payload)
    item = own_fields | dict(
        zip(BASE_NAMES, (old.type, old.timestamp, installation_id, old.drift_version), strict=True)
    )
    rules = BatchRules(1, received - retention, received + CLOCK_AHEAD_MAX)
    try:
        row = read_event(item, rules, logged=logged)[1]
    except EventRejected as rejected:
        raise RowRefusedError(rejected.code, rejected.sentence) from rejected
    # Text that would be written in just this way again says nothing that was not looked at.
    written = orjson.dumps(whole(own_fields, DEPTH_MAX + 1)).decode()
    if written == old.payload and not own_fields.keys() & set(BASE_NAMES):
        row = replace(row, payload=old.payload)
    row = replace(row, installation_id=id_key.stored_once(installation_id))
    mapped = {
        Mapping.INSTALLATION: installation_id != old.installation_id,
        Mapping.HASHED_ID: row.installation_id != installation_id,
        Mapping.TIMESTAMP: row.timestamp != old.timestamp,
        Mapping.PAYLOAD: row.payload != old.payload,
        Mapping.RECEIVED: received_at != old.created_at,
    }
    return Judged(row, installation_id, received_at, tuple(mapping for mapping, applies in mapped.items() if applies))


def judge_counter(date: Any, metric: Any, value: Any) -> tuple[str, str, str, int]:
    """Return day, prefix, label and value of one row of the old ``daily_stats``; a total has no label."""
    if not (isinstance(date, str) and isinstance(metric, str) and isinstance(value, int) and _is_day(date)):
        raise RowRefusedError(Reason.COUNTER_INVALID)
    prefix, _, label = metric.partition(":")
    fits = {"events": is_type_name, "version": is_version}.get(prefix, is_label)
    if not 0 <= value <= INTEGER_MAX or not (metric in TOTALS or (is_label(prefix) and fits(label))):
        raise RowRefusedError(Reason.COUNTER_INVALID)
    return date, prefix, label, value


def _received(text: str) -> datetime:
    try:
        received = datetime.fromisoformat(text)
    except ValueError:
        raise RowRefusedError(Reason.RECEIVED_INVALID) from None
    if len(text) < len("2026-11-23 15:33:48") or not _YEAR_MIN <= received.year < MAXYEAR:
        raise RowRefusedError(Reason.RECEIVED_INVALID)
    return received.replace(tzinfo=received.tzinfo or UTC).astimezone(UTC)


def _own_fields(payload: Any) -> dict[str, Any]:
    if payload is None:
        return {}
    if not isinstance(payload, str):
        raise RowRefusedError(Reason.NOT_TEXT)
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise RowRefusedError(Reason.PAYLOAD_INVALID)
    return fields


def _is_day(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).date().isoformat() == text
    except ValueError:
        return False
