"""Observations: what the series read of an event, its version and its fields."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from telemetry.catalogue.versions import is_development, version_order
from telemetry.published.labels import LabelKind, PublicLabels

_REMEMBERED_MAX = 10_000


class Scan(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a ``scan_completion``."""

    duration_ms: float
    is_incremental: bool


class Found(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a ``pattern_signature``."""

    category: str
    confidence: float
    detection_method: str
    location_count: float
    outlier_count: float
    language: str = ""
    signature_hash: str | None = None
    pattern_id: str | None = None
    format_version: int = 1
    file_spread: float | None = None
    tier: str | None = None
    momentum: str | None = None

    @property
    def signature(self) -> str:
        """The hash of format 1, ``2:`` and the hash of format 2, or the name of a rule."""
        if self.format_version == 1:
            return self.signature_hash or ""
        return self.pattern_id or f"{self.format_version}:{self.signature_hash}"


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


DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    "scan_completion": msgspec.json.Decoder(Scan),
    "pattern_signature": msgspec.json.Decoder(Found),
    "user_action": msgspec.json.Decoder(Decided),
    "aggregate_stats": msgspec.json.Decoder(Codebase),
}
"""By event type. Another program may have written a payload, or an older one: it need not be what the type's should."""


class SeenVersion(NamedTuple):
    """A version as an event has it, what sorts it, and what the public sees of it."""

    order: tuple[int, ...]
    text: str
    shown: str
    is_development: bool


class SeenVersions(dict[bytes, SeenVersion]):
    """Versions by their stored text, looked at once each. Holds about ``_REMEMBERED_MAX``."""

    def __init__(self, labels: PublicLabels) -> None:
        super().__init__()
        self._labels = labels

    def __missing__(self, stored: bytes) -> SeenVersion:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        text = stored.decode(errors="replace")
        shown = self._labels.shown(LabelKind.VERSION, text)
        found = self[stored] = SeenVersion(version_order(text), text, shown, is_development(text))
        return found
