"""Approval: what share of the decisions that accept or reject a finding accept it, by voices.

Each installation that accepted or rejected something has one voice.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from telemetry.published.judgement import judgement_of
from telemetry.published.reading import Number
from telemetry.published.thresholds import VOICES_MIN
from telemetry.published.voices import effective_voices, interval

TARGET = 0.85
"""The approval that high confidence promises."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A share of decisions by ``voices``, and the bounds of its 95 % interval."""

    voices: int
    share: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether there are enough voices to claim something."""
        return self.voices >= VOICES_MIN

    def is_apart_from(self, other: "Approval") -> bool:
        """Tell whether two shares differ for certain: their intervals do not overlap."""
        return self.high < other.low or other.high < self.low


def approval_of(numbers: Iterable[Number]) -> Approval | None:
    """Return the approval in rows of a series of decisions together; None if too few judged in all of them.

    Rows are of several steps or categories: an installation has a voice in each of them.
    """
    known = [found for one in numbers if (found := judgement_of(one.installations, one.amounts)) is not None]
    voices = sum(one.voices for one in known)
    if not voices:
        return None
    accepted, squares = sum(one.accepted for one in known), sum(one.squares for one in known)
    share = min(accepted / voices, 1.0)
    low, high = interval(share, effective_voices(voices, accepted, squares))
    # The correction for continuity moves a bound of a tiny share beyond it.
    return Approval(voices, share, min(low, share), max(high, share))
