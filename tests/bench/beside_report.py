"""The part of the report about readers beside ingest."""

from tests.bench.results import Beside, BesideIngest, Quartiles
from tests.bench.tables import number, table

_HEADINGS = (
    "beside ingest at saturation", "requests/s", "events/s without", "events/s with", "with over without",
    "by CPU time", "CPU us/request", "p50 ms", "p99 ms", "max ms", "failed",
)  # fmt: skip


def beside_parts(found: BesideIngest | None) -> list[str]:
    """Return the table and what one client saw; nothing if it was not measured."""
    if found is None:
        return []
    page = found.first_page
    return [
        table(_HEADINGS, map(_row, found.readers)),
        f"One client on one connection got the first page, {page.size_bytes / 1e3:.0f} kB, in {page.p50_ms:.2f} ms "
        f"(p50). The live statistics were made in {found.publish_ms:.2f} ms after each flush of a light load.",
    ]


def _row(found: Beside) -> list[str]:
    speeds = map(number, (found.rate, found.alone_events_per_s, found.events_per_s))
    ratios = map(_quartiles, (found.ratios, found.cpu_ratios))
    seen = map(number, (found.cpu_us_per_request, found.seen.p50_ms, found.seen.p99_ms, found.seen.max_ms))
    return [found.name, *speeds, *ratios, *seen, str(found.seen.failed)]


def _quartiles(found: Quartiles) -> str:
    return f"{number(found.median)} ({number(found.low)} to {number(found.high)})"
