"""What closing windows costs, as Markdown."""

from collections.abc import Sequence

from telemetry.published.windows import Period
from tests.bench.results import ClosedWindow, ClosingBesideLoad, Results, median
from tests.bench.tables import number, table

_HEADINGS = (
    "window", "days with events", "events", "windows", "seconds", "CPU s", "CPU us/event", "peak RSS MB", "written MB",
    "bytes in published.db",
)  # fmt: skip
_A_YEAR = {"day": 365, "week": 52, "four_weeks": 13}


def closing_parts(results: Results) -> list[str]:
    """Return the parts of a report; windows of the same length and size are one row, with their medians."""
    alike: dict[tuple[str, int, int], list[ClosedWindow]] = {}
    for one in results.closed:
        alike.setdefault((one.period, one.days, one.events), []).append(one)
    rows = [_row(found) for found in alike.values()]
    return [table(_HEADINGS, rows), _year(list(alike.values())), _beside_load(results.closing_beside_load)]


def _row(found: Sequence[ClosedWindow]) -> list[str]:
    one = median(found)
    return [
        one.period, str(one.days), f"{one.events:,}", str(len(found)), number(one.seconds), number(one.cpu_s),
        number(one.cpu_s / one.events * 1e6), number(one.rss_peak_mb), number(one.written_mb),
        f"{one.published_bytes:,}",
    ]  # fmt: skip


def _year(alike: Sequence[Sequence[ClosedWindow]]) -> str:
    """Say how much a year of windows would be, if those of four weeks whose days all have events were measured."""
    whole = {found[0].period: found for found in alike if found[0].days == Period(found[0].period).days}
    if "four_weeks" not in whole:
        return ""
    a_year = sum(
        sum(one.published_bytes for one in whole[period]) / len(whole[period]) * windows
        for period, windows in _A_YEAR.items()
    )
    return f"A year of such windows is {a_year / 1e6:.1f} MB in published.db."


def _beside_load(found: ClosingBesideLoad | None) -> str:
    if found is None:
        return ""
    before, meanwhile = found.before.ingest, found.meanwhile.ingest
    return (
        f"A service closed {found.windows} windows in {found.seconds:.0f} s beside {meanwhile.rate:,.0f} batches of "
        f"{found.before.batch} a second, half of its maximum, for {found.paced_s} s: p99 {meanwhile.p99_ms:.1f} ms and "
        f"p99.9 {meanwhile.p999_ms:.1f} ms, without closing {before.p99_ms:.1f} ms and {before.p999_ms:.1f} ms; "
        f"{meanwhile.failed + before.failed} failed."
    )
