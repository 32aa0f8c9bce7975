"""The first page is put together once for each change of what is in it."""

from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.dashboard.spans import Span
from telemetry.web.pages.benchmarks import BENCHMARKS_PLACE
from telemetry.web.pages.front import FrontPage
from telemetry.web.pages.live import LIVE_PLACE, LiveTotals
from telemetry.web.pages.shelf import rendered


def made(text: str) -> bytes:
    return f"{text}{LIVE_PLACE}{BENCHMARKS_PLACE}".encode()


def test_a_page_is_put_together_again_when_one_of_its_parts_changes_and_not_otherwise() -> None:
    front, page, other = FrontPage(), rendered(made("page")), rendered(made("other"))
    numbers = BenchmarkNumbers((), "one")
    states = [
        (page, LiveTotals(1, is_storing=True), numbers),
        (page, LiveTotals(2, is_storing=True), numbers),
        (page, LiveTotals(2, is_storing=False), numbers),
        (page, LiveTotals(2, is_storing=False), BenchmarkNumbers((), "two")),
        (page, LiveTotals(2, is_storing=False), None),
        (other, LiveTotals(2, is_storing=False), None),
    ]
    seen = []
    for state in states:
        seen.append(front.get(Span.WEEK, *state))
        assert front.get(Span.WEEK, *state) is seen[-1]
    assert len({page.etag for page in seen}) == len(states)
    assert b"2 events" in seen[1].body
    assert b"cannot be stored" in seen[2].body


def test_each_span_has_a_page_of_its_own() -> None:
    front, live = FrontPage(), LiveTotals(1, is_storing=True)
    pages = {span: front.get(span, rendered(made(span)), live, None) for span in Span}
    assert all(front.get(span, rendered(made(span)), live, None) is page for span, page in pages.items())
    assert all(page.body.startswith(span.encode()) for span, page in pages.items())
