"""Summaries: the public results of benchmarks, by the page."""

import msgspec

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.benchmarks import BenchmarkRow
from telemetry.web.api.answers import PAGE_ROWS_MAX
from telemetry.web.api.documents import BenchmarkRows
from telemetry.web.api.questions import PAGES_MAX, BenchmarksQuestion


def read_benchmarks(numbers: BenchmarkNumbers, question: BenchmarksQuestion) -> BenchmarkRows:
    """Return a page of public results."""
    found = [row for row in numbers.rows if _is_asked(row, question)]
    start = (question.page - 1) * PAGE_ROWS_MAX
    has_more = len(found) > start + PAGE_ROWS_MAX and question.page < PAGES_MAX
    return BenchmarkRows(question.page + 1 if has_more else None, found[start : start + PAGE_ROWS_MAX])


def _is_asked(row: BenchmarkRow, question: BenchmarksQuestion) -> bool:
    return (
        question.tool in (msgspec.UNSET, row.tool)
        and question.version in (msgspec.UNSET, row.version)
        and question.corpus in (msgspec.UNSET, row.corpus)
        and question.level in (msgspec.UNSET, row.level)
        and question.category in (msgspec.UNSET, row.category)
    )
