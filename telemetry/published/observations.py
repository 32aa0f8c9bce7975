"""Observations: what the series read of an event, its version and its fields."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from telemetry.published.labels import LabelKind

_Shown = Callable[[LabelKind, str], str]
_US_PER_MS = 1_000
SCAN, INCREMENTAL_SCAN = "scan", "incremental_scan"


class Timed(Protocol):
    """The fields of an event with a duration: the time, and what names the kind of duration."""

    @property
    def milliseconds(self) -> float:
        """The time of one observation."""
        ...

    def what(self, shown: _Shown) -> str:
        """Return the kind of duration, as the public sees it."""
        ...


class Scan(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a ``scan_completion``."""

    duration_ms: float
    is_incremental: bool

    @property
    def milliseconds(self) -> float:
        """The time of the scan."""
        return self.duration_ms

    def what(self, _shown: _Shown) -> str:
        """Return whether it is a full scan or one that builds on another."""
        return INCREMENTAL_SCAN if self.is_incremental else SCAN


class NativeScan(msgspec.Struct, gc=False, rename="camel"):
    """The fields read from a ``scan_completed``; a scan with unchanged files is incremental."""

    duration_ms: float
    files_unchanged: float = 0

    @property
    def milliseconds(self) -> float:
        """The time of the scan."""
        return self.duration_ms

    def what(self, _shown: _Shown) -> str:
        """Return whether it is a full scan or one that builds on another."""
        return INCREMENTAL_SCAN if self.files_unchanged else SCAN


class RustScan(msgspec.Struct, gc=False, rename="camel"):
    """The fields read from a ``rust.scan.completed``; the whole scan is reported by an event of its own."""

    duration_ms: float

    @property
    def milliseconds(self) -> float:
        """The time of the scan."""
        return self.duration_ms

    def what(self, _shown: _Shown) -> str:
        """Return the only kind."""
        return "rust:scan"


class Analysis(msgspec.Struct, gc=False, rename="camel"):
    """The fields read from a ``rust.analysis.completed``."""

    analysis_time_us: float

    @property
    def milliseconds(self) -> float:
        """The time of the analysis."""
        return self.analysis_time_us / _US_PER_MS

    def what(self, _shown: _Shown) -> str:
        """Return the only kind."""
        return "rust:analysis"


class Parses(msgspec.Struct, gc=False, rename="camel"):
    """The fields read from a ``parse_timing``."""

    language: str
    files: float
    parse_time_us: float

    @property
    def milliseconds(self) -> float:
        """The mean time of a file."""
        return self.parse_time_us / max(self.files, 1) / _US_PER_MS

    def what(self, shown: _Shown) -> str:
        """Return the language."""
        return f"parse:{shown(LabelKind.LANGUAGE, self.language)}"


class Calls(msgspec.Struct, gc=False, rename="camel"):
    """The fields read from a ``native_calls``."""

    function: str
    calls: float
    duration_us: float

    @property
    def milliseconds(self) -> float:
        """The mean time of a call."""
        return self.duration_us / max(self.calls, 1) / _US_PER_MS

    def what(self, shown: _Shown) -> str:
        """Return the function."""
        return f"native:{shown(LabelKind.FUNCTION, self.function)}"


class Bridged(msgspec.Struct, gc=False, rename="camel"):
    """The fields read from a ``napi.bridge.latency``."""

    function: str
    duration_us: float
    calls: float = 1

    @property
    def milliseconds(self) -> float:
        """The mean time of a call."""
        return self.duration_us / max(self.calls, 1) / _US_PER_MS

    def what(self, shown: _Shown) -> str:
        """Return the function that was called over the bridge."""
        return f"bridge:{shown(LabelKind.FUNCTION, self.function)}"


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
    confidence_mean: float | None = None
    confidence_stddev: float | None = None
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
    reason: str | None = None


class Codebase(msgspec.Struct, gc=False, rename="camel"):
    """What is read of an ``aggregate_stats``."""

    frameworks: list[str]
    features_enabled: list[str]
    codebase_size_tier: str


DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    "scan_completion": msgspec.json.Decoder(Scan),
    "scan_completed": msgspec.json.Decoder(NativeScan),
    "rust.scan.completed": msgspec.json.Decoder(RustScan),
    "rust.analysis.completed": msgspec.json.Decoder(Analysis),
    "parse_timing": msgspec.json.Decoder(Parses),
    "native_calls": msgspec.json.Decoder(Calls),
    "napi.bridge.latency": msgspec.json.Decoder(Bridged),
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
