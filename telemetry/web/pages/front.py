"""The first page as it is sent: what was rendered once, with what is live put in."""

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.dashboard.spans import Span
from telemetry.web.pages.benchmarks import BenchmarksSection
from telemetry.web.pages.live import LiveTotals, with_live
from telemetry.web.pages.shelf import Rendered

_Parts = tuple[str, LiveTotals, str | None]


class FrontPage:
    """Puts a page together once for each change of its parts; the last one of each span is kept."""

    def __init__(self) -> None:
        self._benchmarks = BenchmarksSection()
        self._kept: dict[Span, tuple[_Parts, Rendered]] = {}

    def get(self, span: Span, made: Rendered, live: LiveTotals, numbers: BenchmarkNumbers | None) -> Rendered:
        """Return a rendered page with the live strip, and with the section about benchmarks where there are results."""
        parts = (made.etag, live, numbers.name if numbers is not None else None)
        kept = self._kept.get(span)
        if kept is None or kept[0] != parts:
            kept = (parts, self._benchmarks.put_into(with_live(made, live), numbers))
            self._kept[span] = kept
        return kept[1]
