"""The event catalogue: one typed struct for each event type that Drift's clients send.

Validation, the stored payload, JSON Schema and the counters derive from these structs; to add an event type, add a
struct to ``KnownEvent``. Names on the wire are camel case. Limits come from the wire contract.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import chain, starmap
from operator import attrgetter, methodcaller
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from telemetry.catalogue.documents import INTEGER_MAX, whole
from telemetry.catalogue.shapes import (
    FRAMEWORK_PATTERN,
    INSTALLATION_ID_PATTERN,
    LABEL_PATTERN,
    SIGNATURE_HASH_PATTERN,
    TEXT_LENGTH_MAX,
    are_signature_hashes,
    is_framework,
    is_installation_id,
    is_label,
    is_signature_hash,
)
from telemetry.catalogue.timestamps import TIMESTAMP_LENGTH_MAX, TIMESTAMP_PATTERN, stored_timestamp
from telemetry.catalogue.versions import VERSION_PATTERN, is_version
from telemetry.errors import RejectionCode

LABELS_MAX = 100
BASE_NAMES = ("type", "timestamp", "installationId", "driftVersion")


def _text(pattern: str, description: str, length_min: int = 1) -> Meta:
    # The pattern only documents: msgspec would match it anew for each string, which costs more than all the rest.
    schema = {"pattern": f"^(?:{pattern})$"}
    return Meta(min_length=length_min, max_length=TEXT_LENGTH_MAX, description=description, extra_json_schema=schema)


Timestamp = Annotated[
    str,
    Meta(
        max_length=TIMESTAMP_LENGTH_MAX,
        description="RFC 3339; the clients of today send UTC with milliseconds.",
        extra_json_schema={"format": "date-time", "pattern": f"^(?:{TIMESTAMP_PATTERN})$"},
    ),
]
InstallationId = Annotated[str, _text(INSTALLATION_ID_PATTERN, "A random UUID, or `unknown`.")]
Version = Annotated[str, _text(VERSION_PATTERN, "The version of Drift that recorded the event.")]
Label = Annotated[str, _text(LABEL_PATTERN, "A short name without spaces.")]
Language = Annotated[str, _text(f"(?:{LABEL_PATTERN})?", "A language, or the extension of its files; may be empty.", 0)]
Framework = Annotated[str, _text(FRAMEWORK_PATTERN, "A short name without spaces.")]
Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Share = Annotated[float, Meta(ge=0, le=1)]
Duration = Count | Annotated[float, Meta(ge=0, le=INTEGER_MAX)]
Labels = Annotated[list[Label], Meta(max_length=LABELS_MAX)]
CountByLabel = Annotated[dict[Label, Count], Meta(max_length=LABELS_MAX)]


# Real traffic repeats few origins within a batch and few labels ever; remembering what fits, and what does not,
# costs a fifth of matching it again.
_REMEMBERED_MAX = 4_096


@lru_cache(maxsize=_REMEMBERED_MAX)
def _misshapen_origin(installation_id: str, drift_version: str) -> RejectionCode | None:
    """Return what is wrong with where an event says it comes from, or None."""
    if not is_installation_id(installation_id):
        return RejectionCode.INSTALLATION_INVALID
    return None if is_version(drift_version) else RejectionCode.VERSION_INVALID


_is_label = lru_cache(maxsize=_REMEMBERED_MAX)(is_label)
_is_framework = lru_cache(maxsize=_REMEMBERED_MAX)(is_framework)
_origin = attrgetter("installation_id", "drift_version")
_duration = attrgetter("duration_ms")
_signature_labels = attrgetter("category", "detection_method", "language")
_frameworks = attrgetter("frameworks")
_labels = methodcaller("labels")


def _snake_case(class_name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in class_name).lstrip("_")


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", tag_field="type", tag=_snake_case):
    """What every event carries; ``timestamp`` is the client's clock."""

    # The name of the type on the wire and in the log.
    type: ClassVar[str]
    # Fields whose values are counted for each day, as ``<field>:<value>``.
    counted: ClassVar[tuple[str, ...]] = ()
    # The version of the catalogue that knew the type first. What an earlier one has counted stays counted as unknown.
    since: ClassVar[int] = 1

    timestamp: Timestamp
    installation_id: InstallationId
    drift_version: Version

    def __init_subclass__(cls) -> None:
        cls.type = _snake_case(cls.__name__)

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        return ()

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        if code := _misshapen_origin(self.installation_id, self.drift_version):
            return code
        return None if all(map(_is_label, self.labels())) else RejectionCode.LABEL_INVALID

    def as_stored(self) -> Self:
        """Return a well-shaped event as it is stored: its timestamp in the stored form, whole numbers as integers."""
        timestamp = stored_timestamp(self.timestamp)
        return self if timestamp == self.timestamp else replace(self, timestamp=timestamp)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether what this class adds is well shaped in all of its ``events``, and is what they are stored as."""
        return all(map(_is_label, set(chain.from_iterable(map(_labels, events)))))


class PatternSignature(Event, frozen=True, gc=False):
    """A code pattern that a scan found, as a hash; never the code itself."""

    counted = ("language", "category")
    # How `signature_hash` is made; signatures of different formats are never the same one.
    signature_format: ClassVar[int] = 1

    signature_hash: Annotated[str, _text(SIGNATURE_HASH_PATTERN, "SHA-256 of the pattern, cut short.")]
    category: Label
    confidence: Share
    location_count: Count
    outlier_count: Count
    detection_method: Label
    language: Language

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        labels = (self.category, self.detection_method)
        return (*labels, self.language) if self.language else labels

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        if not is_signature_hash(self.signature_hash):
            return RejectionCode.HASH_INVALID
        return Event.misshapen(self)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether what this class adds is well shaped in all of its ``events``, and is what they are stored as."""
        hashes = map(attrgetter("signature_hash"), events)
        labels = set(chain.from_iterable(map(_signature_labels, events))) - {""}
        return are_signature_hashes(hashes) and all(map(_is_label, labels))


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
        if not all(map(_is_framework, self.frameworks)):
            return RejectionCode.LABEL_INVALID
        return Event.misshapen(self)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether what this class adds is well shaped in all of its ``events``, and is what they are stored as."""
        frameworks = chain.from_iterable(map(_frameworks, events))
        return all(map(_is_framework, frameworks)) and Event.are_well_shaped(events)


class UserAction(Event, frozen=True, gc=False):
    """What a user decided about a pattern."""

    action: Label
    category: Label
    confidence_at_action: Share
    hours_since_discovery: Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    is_bulk_action: bool

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


class OtherEvent(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An event of a type that this catalogue does not know yet; its other fields passed the privacy gate."""

    type: str
    timestamp: Timestamp
    installation_id: InstallationId
    drift_version: Version

    counted: ClassVar[tuple[str, ...]] = ()

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        return _misshapen_origin(self.installation_id, self.drift_version)

    def as_stored(self) -> Self:
        """Return a well-shaped event as it is stored: its timestamp in the stored form."""
        return replace(self, timestamp=stored_timestamp(self.timestamp))


KnownEvent = PatternSignature | AggregateStats | UserAction | ScanCompletion
AnyEvent = KnownEvent | OtherEvent
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
    if any(starmap(_misshapen_origin, set(map(_origin, events)))):
        return False
    return all(event_class.are_well_shaped(same) for event_class, same in by_class(events).items())


KNOWN_EVENTS: dict[str, type[KnownEvent]] = {known.type: known for known in get_args(KnownEvent)}


def catalogue_version() -> int:
    """Return the version of this catalogue: it grows with each type that is added."""
    return max(known.since for known in KNOWN_EVENTS.values())


def as_known_by(event: AnyEvent, version: int) -> AnyEvent:
    """Return an event as a version of the catalogue knew it: of a type that came later it knew nothing else."""
    if isinstance(event, OtherEvent) or event.since <= version:
        return event
    return OtherEvent(event.type, event.timestamp, event.installation_id, event.drift_version)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of one known event."""
    return msgspec.json.schema(KnownEvent)
