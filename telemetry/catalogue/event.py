"""Event: what every event carries, and how its texts are checked."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from operator import methodcaller
from typing import ClassVar, Self

import msgspec
from msgspec.structs import replace

from telemetry.catalogue.fields import Context, InstallationId, Platform, Timestamp, Version
from telemetry.catalogue.shapes import is_framework, is_installation_id, is_label
from telemetry.catalogue.timestamps import stored_timestamp
from telemetry.catalogue.versions import is_version
from telemetry.errors import RejectionCode

EVENTS_PREFIX = "events"
"""The prefix of the metrics that count events from clients."""
VERSION_NAME = "driftVersion"
BASE_NAMES = ("type", "timestamp", "installationId", VERSION_NAME)


# Real traffic has few different origins in a batch and few labels at all: a cached match costs a fifth of a new one.
_REMEMBERED_MAX = 4_096


fits_version = lru_cache(maxsize=_REMEMBERED_MAX)(is_version)


@lru_cache(maxsize=_REMEMBERED_MAX)
def misshapen_origin(installation_id: str, drift_version: str) -> RejectionCode | None:
    """Return what is wrong with where an event says it comes from, or None."""
    if not is_installation_id(installation_id):
        return RejectionCode.INSTALLATION_INVALID
    return None if fits_version(drift_version) else RejectionCode.VERSION_INVALID


fits_label = lru_cache(maxsize=_REMEMBERED_MAX)(is_label)
fits_framework = lru_cache(maxsize=_REMEMBERED_MAX)(is_framework)
_labels = methodcaller("labels")


# Events of the tool's parts in Rust have dots in their names.
_DOTTED = ("Rust", "Napi")


def _type_name(class_name: str) -> str:
    words = re.findall("[A-Z][a-z0-9]*", class_name)
    return ("." if words[0] in _DOTTED else "_").join(words).lower()


class _Sender(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The optional fields of an event that say where it comes from."""

    context: Context | None = None
    platform: Platform | None = None


class Event(_Sender, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=_type_name):
    """The fields that every event has; ``timestamp`` is by the client's clock."""

    # The name of the type on the wire and in the log.
    type: ClassVar[str]
    # The daily metric of the type is ``<prefix>:<type>``.
    prefix: ClassVar[str] = EVENTS_PREFIX
    # Fields whose values are counted for each day, as ``<field>:<value>``.
    counted: ClassVar[tuple[str, ...]] = ()
    # The first version of the catalogue with the type. Events that an earlier version counted as unknown stay so.
    since: ClassVar[int] = 1

    timestamp: Timestamp
    installation_id: InstallationId
    drift_version: Version

    def __init_subclass__(cls) -> None:
        cls.type = cls.__dict__.get("type", _type_name(cls.__name__))

    def labels(self) -> tuple[str, ...]:
        """Every free-form label in the event."""
        return ()

    def missing(self) -> str | None:
        """Return the wire name of a field that the event lacks, given its other fields, or None."""
        return None

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        if code := misshapen_origin(self.installation_id, self.drift_version):
            return code
        return None if all(map(fits_label, self.labels())) else RejectionCode.LABEL_INVALID

    def as_stored(self) -> Self:
        """Return a well-shaped event as it is stored: its timestamp in the stored form, whole numbers as integers."""
        timestamp = stored_timestamp(self.timestamp)
        return self if timestamp == self.timestamp else replace(self, timestamp=timestamp)

    @classmethod
    def are_well_shaped(cls, events: "Sequence[Event]") -> bool:
        """Tell whether the fields that this class adds are well shaped and in stored form in all of its ``events``."""
        return all(map(fits_label, set(chain.from_iterable(map(_labels, events)))))


class OtherEvent(_Sender, frozen=True, gc=False):
    """An event of a type that this catalogue does not know yet; its other fields passed the privacy gate."""

    type: str
    timestamp: Timestamp
    installation_id: InstallationId
    drift_version: Version

    prefix: ClassVar[str] = EVENTS_PREFIX
    counted: ClassVar[tuple[str, ...]] = ()

    def missing(self) -> None:
        """Return None: only the fields of every event are needed."""

    def misshapen(self) -> RejectionCode | None:
        """Return what is wrong with a text that does not have the shape of what it stands for, or None."""
        return misshapen_origin(self.installation_id, self.drift_version)

    def as_stored(self) -> "OtherEvent":
        """Return a well-shaped event as it is read from its row: timestamp in stored form, without optional fields."""
        return OtherEvent(self.type, stored_timestamp(self.timestamp), self.installation_id, self.drift_version)
