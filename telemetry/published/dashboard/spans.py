"""Spans: how far back a page looks."""

from datetime import date, timedelta
from enum import StrEnum

_EARLIEST = date(2000, 1, 1)


class Span(StrEnum):
    """How many complete days a page is about."""

    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    ALL = "all"

    @property
    def label(self) -> str:
        """What a reader calls it."""
        return "All" if self is Span.ALL else f"{self} days"

    @property
    def weeks(self) -> int | None:
        """How many whole weeks stand for it; None for all."""
        return None if self is Span.ALL else int(self) // 7

    def first_day(self, last: date) -> date:
        """Return the first day, when ``last`` is the last."""
        return _EARLIEST if self is Span.ALL else last - timedelta(int(self) - 1)


DEFAULT_SPAN = Span.MONTH
_SPANS: dict[str | None, Span] = {span.value: span for span in Span}


def span_of(text: str | None) -> Span:
    """Return the span that an address names; the default if it names none."""
    return _SPANS.get(text, DEFAULT_SPAN)
