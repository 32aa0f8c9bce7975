"""Approval: what share of decisions approved, by voices. Each installation has one voice, whatever it decided."""

from collections.abc import Iterable
from dataclasses import dataclass

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


def approval_of(numbers: Iterable[Number]) -> Approval | None:
    """Return the approval in rows of a series of decisions together; None if no row has amounts.

    Rows are of several steps or categories: an installation has a voice in each of them.
    """
    known = [one for one in numbers if one.amounts["approve"] is not None]
    voices = sum(one.installations for one in known)
    if not voices:
        return None
    approve = sum(one.amounts["approve"] or 0.0 for one in known)
    squares = sum(one.amounts["approve_squares"] or 0.0 for one in known)
    share = min(approve / voices, 1.0)
    low, high = interval(share, effective_voices(voices, approve, squares))
    # The correction for continuity moves a bound of a tiny share beyond it.
    return Approval(voices, share, min(low, share), max(high, share))
