"""Benchmarks: which results the public sees. Results are about machines, not persons, so they have their own rules.

Results that came with the operator's token are public at once. All others are public once the operator has admitted
their tool or their corpus. A name is shown if it is known, is admitted, or came with the token. All other names become
``other``. For the levels and categories in ``other``, which mix different measures, only the number of results is
public.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from telemetry.catalogue.benchmarks import WITH_TOKEN
from telemetry.catalogue.versions import is_development, version_order
from telemetry.counting.exact import MILLIONTHS, VALUE_PARTS, deviation_of, joined, mean_of
from telemetry.published.label_file import DecidedLabels
from telemetry.published.labels import LabelKind, PublicLabels
from telemetry.published.series import OTHER_LABEL

_Key = tuple[str, ...]
_KINDS = (LabelKind.TOOL, LabelKind.VERSION, LabelKind.CORPUS, LabelKind.LEVEL, LabelKind.MEASURE)
_TOOL, _VERSION, _CORPUS = 0, 1, 2
_SQUARES = len(VALUE_PARTS)


@dataclass(frozen=True, slots=True)
class StoredResults:
    """A row of ``benchmark_results``: its key, and its sums in millionths."""

    key: _Key
    source: str
    count: int
    total: int
    squares: int
    least: int
    greatest: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> "StoredResults":
        """Return a row of ``sql/read_benchmark_results.sql`` as results."""
        count, *numbers, least, greatest = row[6:]
        return cls(
            tuple(row[:5]), row[5], count, joined(numbers[:_SQUARES]), joined(numbers[_SQUARES:]), least, greatest
        )

    def with_others(self, other: "StoredResults") -> "StoredResults":
        """Return the sum of both, under the key of these results."""
        return StoredResults(
            self.key, self.source, self.count + other.count, self.total + other.total, self.squares + other.squares,
            min(self.least, other.least), max(self.greatest, other.greatest),
        )  # fmt: skip


class BenchmarkRow(msgspec.Struct, frozen=True):
    """Results of a version of a tool. For ``other`` levels and categories, only ``count`` is given.

    ``change`` is the change of the mean since ``previous_version``, the last release before with such results.
    """

    tool: str
    version: str
    corpus: str
    level: str
    category: str
    count: Annotated[int, Meta(ge=1)]
    mean: float | None = None
    stddev: float | None = None
    min: float | None = None
    max: float | None = None
    previous_version: str | None = None
    change: float | None = None


@dataclass(frozen=True, slots=True)
class BenchmarkPolicy:
    """Decides which results are public. With ``everything``, as in development, all are that are not hidden."""

    decided: DecidedLabels
    everything: bool = False

    def admits(self, stored: StoredResults) -> bool:
        """Tell whether results are public."""
        if self.everything or stored.source == WITH_TOKEN:
            return True
        named = ((LabelKind.TOOL, stored.key[_TOOL]), (LabelKind.CORPUS, stored.key[_CORPUS]))
        return any(one in self.decided.admitted for one in named)


def public_benchmarks(results: Iterable[StoredResults], policy: BenchmarkPolicy) -> list[BenchmarkRow]:
    """Return the public rows by tool, corpus, level, category and version, the oldest version first."""
    public = list(filter(policy.admits, results))
    trusted = {
        one
        for stored in public
        if policy.everything or stored.source == WITH_TOKEN
        for one in zip(_KINDS, stored.key, strict=True)
    }
    labels = PublicLabels([*policy.decided.admitted, *trusted], policy.decided.hidden)
    together: dict[_Key, StoredResults] = {}
    for stored in public:
        key = tuple(labels.shown(kind, name) for kind, name in zip(_KINDS, stored.key, strict=True))
        own = dataclasses.replace(stored, key=key)
        together[key] = together[key].with_others(own) if key in together else own
    order = sorted(together, key=lambda key: (*_without_version(key), version_order(key[_VERSION]), key[_VERSION]))
    return list(_with_changes([_row(together[key]) for key in order]))


def _without_version(key: _Key) -> _Key:
    return key[:_VERSION] + key[_CORPUS:]


def _row(stored: StoredResults) -> BenchmarkRow:
    tool, version, corpus, level, category = stored.key
    if OTHER_LABEL in (level, category):
        return BenchmarkRow(tool, version, corpus, level, category, stored.count)
    return BenchmarkRow(
        tool,
        version,
        corpus,
        level,
        category,
        stored.count,
        mean_of(stored.count, stored.total),
        deviation_of(stored.count, stored.total, stored.squares),
        stored.least / MILLIONTHS,
        stored.greatest / MILLIONTHS,
    )


def _with_changes(rows: Iterable[BenchmarkRow]) -> Iterator[BenchmarkRow]:
    """Add the change since the release before; ``rows`` has the versions of a measure in a row, the oldest first."""
    previous: Mapping[_Key, BenchmarkRow] = {}
    for row in rows:
        measure = (row.tool, row.corpus, row.level, row.category)
        before = previous.get(measure)
        if row.mean is None or OTHER_LABEL in (row.tool, row.version, row.corpus) or is_development(row.version):
            yield row
            continue
        previous = {measure: row}
        if before is None or before.mean is None:
            yield row
        else:
            yield replace(row, previous_version=before.version, change=row.mean - before.mean)
