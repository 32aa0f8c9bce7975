"""Thresholds: from which confidence on a category is approved as often as is wanted, as the voices of a window say.

The way leads down from the highest step of confidence, and ends at the first step that may miss the target: so it is
only the first step below it that chance has to favour. Where the voices are few nothing is said.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from telemetry.published.judgement import judgement_of
from telemetry.published.reading import Number
from telemetry.published.scales import step_of
from telemetry.published.voices import effective_voices, lower_bound

VOICES_MIN = 20
"""Installations that a step needs to have an answer."""
STEPS = tuple(dict.fromkeys(step_of(hundredths / 100) for hundredths in range(100, -1, -1)))
"""The least confidence of each step, the highest first."""


class Stop(StrEnum):
    """Why the way down ended: the step may miss the target, or too few installations decided there."""

    BELOW_TARGET = "below_target"
    TOO_FEW_VOICES = "too_few_voices"


class StepApproval(NamedTuple):
    """The approval at a step of confidence. Nothing is known of ``approval`` where the voices are few."""

    step: str
    voices: int
    effective_voices: float | None = None
    approval: float | None = None
    lower_bound: float | None = None


class CategoryThreshold(NamedTuple):
    """The least confidence from which on approval reaches the target, None if there is none; and what led there."""

    category: str
    threshold: float | None
    stopped_at: str | None
    stopped_by: Stop | None
    steps: tuple[StepApproval, ...]


def thresholds(decisions: Iterable[Number], target: float) -> list[CategoryThreshold]:
    """Return the threshold of each category from the series ``decisions`` of one window."""
    categories: dict[str, dict[str, Number]] = {}
    for number in decisions:
        category, step = number.key
        categories.setdefault(category, {})[step] = number
    return [_threshold(category, steps, target) for category, steps in sorted(categories.items())]


def step_approval(step: str, number: Number | None) -> StepApproval:
    """Return what the voices of a step say."""
    judgement = judgement_of(number.installations, number.amounts) if number is not None else None
    if judgement is None:
        return StepApproval(step, 0)
    voices = judgement.voices
    if voices < VOICES_MIN:
        return StepApproval(step, voices)
    mean = min(judgement.accepted / voices, 1.0)
    effective = effective_voices(*judgement)
    return StepApproval(step, voices, effective, mean, lower_bound(mean, effective))


def _threshold(category: str, numbers: Mapping[str, Number], target: float) -> CategoryThreshold:
    met: float | None = None
    steps: list[StepApproval] = []
    for step in STEPS:
        found = step_approval(step, numbers.get(step))
        steps.append(found)
        if found.lower_bound is None:
            return CategoryThreshold(category, met, step, Stop.TOO_FEW_VOICES, tuple(steps))
        if found.lower_bound < target:
            return CategoryThreshold(category, met, step, Stop.BELOW_TARGET, tuple(steps))
        met = float(step)
    return CategoryThreshold(category, met, None, None, tuple(steps))
