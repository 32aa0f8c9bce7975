"""The event catalogue: one typed struct for each event type that Drift's clients send.

Validation, the stored payload, JSON Schema and the counters derive from these structs; to add an event type, add a
struct to ``KnownEvent``. Names on the wire are camel case. Limits come from the wire contract.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, starmap
from operator import attrgetter
from typing import Annotated, Any, Self, TypeVar, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from telemetry.catalogue.documents import INTEGER_MAX, whole
from telemetry.catalogue.event import Event, OtherEvent, fits_framework, fits_label, misshapen_origin
from telemetry.catalogue.fields import (
    LABELS_MAX,
    Count,
    CountByLabel,
    Duration,
    Framework,
    Label,
    Labels,
    Language,
    PatternId,
    Share,
    SignatureHash,
    Word,
)
from telemetry.catalogue.native_events import NativeEvents
from telemetry.catalogue.shapes import are_signature_hashes, is_signature_hash
from telemetry.errors import RejectionCode

FORMATS_MAX = 99
# Earlier versions of the catalogue took every signature for one of format 1.
_FORMATS_SINCE = 2
_origin = attrgetter("installation_id", "drift_version")
_duration = attrgetter("duration_ms")
_signature_hash = attrgetter("signature_hash")
_signature_labels = attrgetter("category", "detection_method", "language")
_frameworks = attrgetter("frameworks")


class PatternSignature(Event, frozen=True, gc=False, kw_only=True):
    """A code pattern that a scan found, as a hash or the name of its rule; never the code itself.

    Format 1 has a hash and a language. Format 2, of version 2 of the tool, has the name of a rule or else a hash.
    Signatures of different formats are never the same one.
    """

    counted = ("language", "category")

    signature_hash: SignatureHash | None = None
    category: Label
    confidence: Share
    location_count: Count
    outlier_count: Count
    detection_method: Label
    language: Language | None = None
    format_version: Annotated[int, Meta(ge=1, le=FORMATS_MAX)] = 1
    pattern_id: PatternId | None = None
    subcategory: Word | None = None
    file_spread: Count | None = None
    confidence_mean: Share | None = None
    confidence_stddev: Share | None = None
    tier: Word | None = None
    momentum: Word | None = None

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        labels = (self.category, self.detection_method)
        return (*labels, self.language) if self.language else labels

    def missing(self) -> str | None:
        """Return the wire name of a field that the event lacks, given its other fields, or None."""
        if self.format_version != 1:
            return None if self.signature_hash or self.pattern_id else "patternId"
        if self.signature_hash is None:
            return "signatureHash"
        return "language" if self.language is None else None

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        if self.signature_hash is not None and not is_signature_hash(self.signature_hash):
            return RejectionCode.HASH_INVALID
        return Event.misshapen(self)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether what this class adds is well shaped in all of its ``events``, and is what they are stored as."""
        hashes = list(map(_signature_hash, events))
        labels = set(chain.from_iterable(map(_signature_labels, events))) - {""}
        if None in hashes or None in labels:
            return False
        return are_signature_hashes(hashes) and all(map(fits_label, labels))


class AggregateStats(Event, frozen=True):
    """The size and make-up of one code base, in numbers."""

    total_patterns: Count
    patterns_by_status: CountByLabel
    patterns_by_category: CountByLabel
    languages: Labels
    frameworks: Annotated[list[Framework], Meta(max_length=LABELS_MAX)]
    features_enabled: Labels
    codebase_size_tier: Label

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        return (
            *self.patterns_by_status,
            *self.patterns_by_category,
            *self.languages,
            *self.features_enabled,
            self.codebase_size_tier,
        )

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        if not all(map(fits_framework, self.frameworks)):
            return RejectionCode.LABEL_INVALID
        return Event.misshapen(self)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether what this class adds is well shaped in all of its ``events``, and is what they are stored as."""
        frameworks = chain.from_iterable(map(_frameworks, events))
        return all(map(fits_framework, frameworks)) and Event.are_well_shaped(events)


class UserAction(Event, frozen=True, gc=False):
    """What a user decided about a pattern."""

    action: Label
    category: Label
    confidence_at_action: Share
    hours_since_discovery: Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    is_bulk_action: bool
    reason: Word | None = None

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        return (self.category, self.action)


class ScanCompletion(Event, frozen=True, gc=False):
    """One finished scan and its cost."""

    duration_ms: Duration
    files_scanned: Count
    new_patterns_discovered: Count
    is_incremental: bool
    worker_count: Count

    def as_stored(self) -> Self:
        """Return a well-shaped event as it is stored: its timestamp in the stored form, whole numbers as integers."""
        duration = whole(self.duration_ms)
        stored = super().as_stored()
        return stored if type(duration) is type(self.duration_ms) else replace(stored, duration_ms=duration)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether what this class adds is well shaped in all of its ``events``, and is what they are stored as."""
        durations = map(_duration, events)
        return not any(type(duration) is float and duration.is_integer() for duration in durations)


KnownEvent = PatternSignature | AggregateStats | UserAction | ScanCompletion | NativeEvents
AnyEvent = Event | OtherEvent
E = TypeVar("E", bound=AnyEvent)


@cache
def wire_names(event_class: type[AnyEvent]) -> frozenset[str]:
    """Return the names on the wire of all fields of an event class, its type included."""
    return frozenset({"type", *(field.encode_name for field in msgspec.structs.fields(event_class))})


def by_class(events: Iterable[E]) -> dict[type[E], list[E]]:
    """Return events with others of their class, in their order."""
    found: defaultdict[type[E], list[E]] = defaultdict(list)
    for event in events:
        found[type(event)].append(event)
    return found


def well_shaped(events: Sequence[KnownEvent]) -> bool:
    """Tell whether none of the events is misshapen; many at once cost a third of what each would by itself."""
    if any(starmap(misshapen_origin, set(map(_origin, events)))):
        return False
    return all(event_class.are_well_shaped(same) for event_class, same in by_class(events).items())


KNOWN_EVENTS: dict[str, type[KnownEvent]] = {known.type: known for known in get_args(KnownEvent)}


def as_known_by(event: AnyEvent, version: int) -> AnyEvent:
    """Return an event as a version of the catalogue knew it: of a type that came later it knew nothing else."""
    if isinstance(event, PatternSignature) and event.format_version != 1 and version < _FORMATS_SINCE:
        return replace(event, format_version=1)
    if isinstance(event, OtherEvent) or event.since <= version:
        return event
    return OtherEvent(event.type, event.timestamp, event.installation_id, event.drift_version)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of one known event."""
    return msgspec.json.schema(KnownEvent)
