"""Observations: the events of one installation as the series read them."""

from typing import Any, NamedTuple

import msgspec

Payload = dict[str, Any]


class Scan(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a ``scan_completion``."""

    duration_ms: float
    is_incremental: bool


class Found(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a ``pattern_signature``."""

    signature_hash: str
    category: str
    confidence: float
    detection_method: str
    language: str
    location_count: float
    outlier_count: float


class Decided(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a ``user_action``."""

    action: str
    category: str
    confidence_at_action: float
    is_bulk_action: bool


class Codebase(msgspec.Struct, gc=False, rename="camel"):
    """What is read of an ``aggregate_stats``."""

    frameworks: list[str]
    features_enabled: list[str]
    codebase_size_tier: str


ReadFields = Scan | Found | Decided | Codebase | None

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "scan_completion": msgspec.json.Decoder(Scan),
    "pattern_signature": msgspec.json.Decoder(Found),
    "user_action": msgspec.json.Decoder(Decided),
    "aggregate_stats": msgspec.json.Decoder(Codebase),
}


class Observation(NamedTuple):
    """An event. ``day`` is the day of its receipt, ``fields`` are None where no series of the window reads them."""

    day: str
    type: str
    version: str
    fields: ReadFields = None


def read_fields(event_type: str, payload: object) -> ReadFields:
    """Return what the series read of a stored payload, or None if it is not what the type's payload should be.

    Another program may have written it, or an older one.
    """
    if not isinstance(payload, bytes | str):
        return None
    try:
        fields: ReadFields = _DECODERS[event_type].decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return fields
