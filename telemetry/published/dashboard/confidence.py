"""Confidence: whether decisions approve more often where Drift is sure, by category."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from telemetry.published.approval import TARGET, Approval, approval_of
from telemetry.published.reading import Number, PublicNumbers
from telemetry.published.series import OTHER_LABEL
from telemetry.published.windows import Period

_MEDIUM_FROM, _HIGH_FROM = "0.70", "0.85"


class Confidence(StrEnum):
    """How sure Drift was: from 0.85 on high, from 0.70 on medium."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class CategoryApproval:
    """How often decisions about a category approved, by confidence; None where no step has enough installations."""

    category: str
    approvals: tuple[Approval | None, Approval | None, Approval | None]

    @property
    def high(self) -> Approval | None:
        """The approval at high confidence."""
        return self.approvals[2]

    @property
    def misses_target(self) -> bool:
        """Whether decisions approve less often than high confidence promises; there are enough voices to say so."""
        return self.high is not None and self.high.is_certain and self.high.high < TARGET

    @property
    def is_inverted(self) -> bool:
        """Whether decisions that miss the target approve for certain less often than where Drift is less sure."""
        medium, high = self.approvals[1:]
        if medium is None or high is None or not medium.is_certain:
            return False
        return self.misses_target and high.high < medium.low


@dataclass(frozen=True, slots=True)
class ConfidenceWindow:
    """Four weeks of decisions: the categories, worst first, and all of them together at high confidence."""

    start: str
    last_day: str
    is_whole: bool
    categories: tuple[CategoryApproval, ...]
    high: Approval | None

    @property
    def rated(self) -> list[CategoryApproval]:
        """The categories with enough voices at high confidence to claim something."""
        return [one for one in self.categories if one.high is not None and one.high.is_certain]

    @property
    def inverted(self) -> list[CategoryApproval]:
        """The categories that are approved less often when Drift is sure, worst first."""
        return [one for one in self.categories if one.is_inverted]

    @property
    def missing_target(self) -> list[CategoryApproval]:
        """The categories that are approved less often than high confidence promises, worst first."""
        return [one for one in self.categories if one.misses_target]


def confidence_of(step: str) -> Confidence:
    """Return how sure Drift was at a step of confidence."""
    if step >= _HIGH_FROM:
        return Confidence.HIGH
    return Confidence.MEDIUM if step >= _MEDIUM_FROM else Confidence.LOW


def confidence_windows(numbers: PublicNumbers) -> list[ConfidenceWindow]:
    """Return all windows of decisions, oldest first. One is not whole that began before the first day with events."""
    first_day = min((window.start for window in numbers.windows(Period.DAY)), default="")
    by_window: defaultdict[str, list[Number]] = defaultdict(list)
    for one in numbers.numbers("decisions"):
        if OTHER_LABEL not in one.key:
            by_window[one.start].append(one)
    return [
        ConfidenceWindow(
            window.start,
            window.last_day,
            window.start >= first_day,
            tuple(sorted(_categories(by_window[window.start]), key=_worst_first)),
            approval_of(_of(by_window[window.start], Confidence.HIGH)),
        )
        for window in numbers.windows(Period.FOUR_WEEKS)
        if window.start in by_window
    ]


def automated_approval(numbers: PublicNumbers, start: str) -> Approval | None:
    """Return the approval by pipelines and agents at high confidence in the window that begins on a day, if known."""
    rows = [one for one in numbers.numbers("automated_decisions", start, start) if OTHER_LABEL not in one.key]
    return approval_of(one for one in rows if confidence_of(one.key[-1]) is Confidence.HIGH)


def _categories(rows: list[Number]) -> Iterable[CategoryApproval]:
    by_category: defaultdict[str, list[Number]] = defaultdict(list)
    for one in rows:
        by_category[one.key[0]].append(one)
    for category, own in by_category.items():
        low, medium, high = (approval_of(_of(own, confidence)) for confidence in Confidence)
        yield CategoryApproval(category, (low, medium, high))


def _of(rows: Iterable[Number], confidence: Confidence) -> list[Number]:
    return [one for one in rows if confidence_of(one.key[1]) is confidence]


def _worst_first(one: CategoryApproval) -> tuple[bool, float, str]:
    share = one.high.share if one.high is not None else 2.0
    return not one.is_inverted, share, one.category
