"""Labels that events have and the public does not see: what the operator may admit."""

from collections.abc import Iterable
from typing import NamedTuple

from telemetry.published.labels import LabelKind, known
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite.queries import query
from telemetry.storage.sqlite.reading import reading

_LABELS_PER_DAY = 2_000


class Candidate(NamedTuple):
    """A label, the most installations that had it on one day, and its events on all days that were read."""

    kind: LabelKind
    label: str
    installations: int
    events: int


def find_candidates(
    directory: DataDirectory, days: Iterable[str], decided: Iterable[tuple[LabelKind, str]]
) -> list[Candidate]:
    """Return the labels of some days that nothing is known or decided of, those of most installations first."""
    left_out = set(decided)
    found: dict[tuple[LabelKind, str], Candidate] = {}
    for day in days:
        with reading(directory.segment(day), "segment") as segment:
            for kind, label, installations, events in segment.execute(query("list_labels"), (_LABELS_PER_DAY,)):
                one = (LabelKind(kind), str(label))
                if one in left_out or known(*one) is not None:
                    continue
                before = found.get(one, Candidate(*one, 0, 0))
                found[one] = Candidate(*one, max(before.installations, installations), before.events + events)
    return sorted(found.values(), key=lambda one: (-one.installations, -one.events, one.kind, one.label))
