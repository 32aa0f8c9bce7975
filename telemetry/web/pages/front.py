"""The first page as it is sent: what was rendered once, with what is live put in."""

import time
from collections.abc import Callable

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.dashboard.spans import Span
from telemetry.web.pages.benchmarks import BenchmarksSection
from telemetry.web.pages.live import LiveTotals, with_live
from telemetry.web.pages.shelf import Rendered

ASKED_INTERVAL_S = 0.2

_Parts = tuple[str, LiveTotals, str | None]


class FrontPage:
    """Puts a page together once for each change of its parts; the last one of each span is kept.

    Results of benchmarks are asked for at most once in ``ASKED_INTERVAL_S``.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._benchmarks = BenchmarksSection()
        self._numbers: BenchmarkNumbers | None = None
        self._asked_at = float("-inf")
        self._kept: dict[Span, tuple[_Parts, Rendered]] = {}

    def find(self, span: Span, made: Rendered, live: LiveTotals) -> Rendered | None:
        """Return a rendered page with the results that were asked for last, or None if that was too long ago."""
        if self._monotonic() >= self._asked_at + ASKED_INTERVAL_S:
            return None
        return self._put_together(span, made, live, self._numbers)

    def get(self, span: Span, made: Rendered, live: LiveTotals, numbers: BenchmarkNumbers | None) -> Rendered:
        """Return a rendered page with the live strip, and with the section about benchmarks where there are results."""
        self._numbers, self._asked_at = numbers, self._monotonic()
        return self._put_together(span, made, live, numbers)

    def _put_together(self, span: Span, made: Rendered, live: LiveTotals, numbers: BenchmarkNumbers | None) -> Rendered:
        parts = (made.etag, live, numbers.name if numbers is not None else None)
        kept = self._kept.get(span)
        if kept is None or kept[0] != parts:
            kept = (parts, self._benchmarks.put_into(with_live(made, live), numbers))
            self._kept[span] = kept
        return kept[1]
