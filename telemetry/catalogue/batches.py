"""Batches: what one request carries, decoded."""

from collections.abc import Callable, Iterator
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from telemetry.catalogue.events import AnyEvent
from telemetry.catalogue.rows import Row, digests
from telemetry.catalogue.versions import version_number
from telemetry.errors import EventMistimed, EventRejected, RejectionCode

_installation_id = attrgetter("installation_id")

OUT_OF_WINDOW = frozenset({RejectionCode.TIMESTAMP_AHEAD, RejectionCode.TIMESTAMP_EXPIRED})


class Rejection(msgspec.Struct, frozen=True):
    """One event that was not stored: its place in the batch and the reason."""

    index: int
    code: RejectionCode
    error: str


class Batch(msgspec.Struct):
    """What one request carries, decoded: valid events with their rows and digests, and a reason for each invalid one.

    The digests number the copies of an event within the request (see ``rows.digests``); a part of a batch keeps them.
    An event that is sound but for its time is among the ``rejections``, and among the ``mistimed`` too. Each rejection
    has its place in ``rejected_versions``: the number of the version that the event names, or ``""``.
    ``sent_ids`` holds the installation ids that are not stored as they were sent, by their stored form.
    """

    events: list[AnyEvent] = msgspec.field(default_factory=list)
    rows: list[Row] = msgspec.field(default_factory=list)
    digests: list[int] = msgspec.field(default_factory=list)
    rejections: list[Rejection] = msgspec.field(default_factory=list)
    mistimed: list[EventMistimed] = msgspec.field(default_factory=list)
    rejected_versions: list[str] = msgspec.field(default_factory=list)
    # No event occurred before, in Unix seconds.
    occurred_from: float = float("-inf")
    sent_ids: dict[str, str] = msgspec.field(default_factory=dict)

    def reject(self, index: int, rejected: EventRejected, version: object) -> None:
        """Note why an event is not among those of the batch, and the version it names."""
        self.rejections.append(Rejection(index, rejected.code, rejected.sentence))
        self.rejected_versions.append(version_number(version))
        if isinstance(rejected, EventMistimed):
            self.mistimed.append(rejected)

    def installations(self) -> list[str]:
        """Return the installation of each event, as it is stored."""
        return list(map(_installation_id, self.rows))

    def parts(self, events_max: int) -> Iterator["Batch"]:
        """Return its events in batches of at most ``events_max``, without the rejections."""
        for start in range(0, len(self.rows), events_max):
            part = slice(start, start + events_max)
            yield Batch(
                self.events[part],
                self.rows[part],
                self.digests[part],
                occurred_from=self.occurred_from,
                sent_ids=self.sent_ids,
            )

    def store_ids_as(self, stored: Callable[[str], str]) -> None:
        """Give every event the stored form of its installation id; nearly every id is stored as it was sent."""
        for mistimed in self.mistimed:
            mistimed.installation_id = stored(mistimed.installation_id)
        forms = {sent: form for sent in set(map(_installation_id, self.rows)) if (form := stored(sent)) != sent}
        if not forms:
            return
        self.sent_ids = {form: sent for sent, form in forms.items()}
        for index, row in enumerate(self.rows):
            if row.installation_id in forms:
                form = forms[row.installation_id]
                self.rows[index] = replace(row, installation_id=form)
                self.events[index] = replace(self.events[index], installation_id=form)
        self.digests = digests(self.rows)
