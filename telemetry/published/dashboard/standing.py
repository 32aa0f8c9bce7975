"""Standing: how the newest release of each tool does in benchmarks, and whether it does better than the one before."""

from collections.abc import Iterable, Sequence

from telemetry.catalogue.benchmarks import OVERALL
from telemetry.catalogue.versions import is_development
from telemetry.published.benchmarks import BenchmarkRow
from telemetry.published.series import OTHER_LABEL

# The main measures, which a page shows: scores of levels, and how long phases and whole runs take.
_SHOWN = frozenset({OVERALL, "duration_us", "total_duration_us"})


def standing(rows: Iterable[BenchmarkRow]) -> Sequence[BenchmarkRow]:
    """Return the newest release's row for each main measure, or a build from source's if there is no release.

    ``rows`` are in the order of ``public_benchmarks``: the versions of a measure follow each other.
    """
    newest: dict[tuple[str, ...], BenchmarkRow] = {}
    for row in rows:
        if row.mean is None or row.category not in _SHOWN or OTHER_LABEL in (row.tool, row.version, row.corpus):
            continue
        measure = (row.tool, row.corpus, row.level, row.category)
        if measure not in newest or not is_development(row.version):
            newest[measure] = row
    return sorted(
        newest.values(), key=lambda row: (row.tool, row.corpus, row.level != OVERALL, row.level, row.category)
    )
