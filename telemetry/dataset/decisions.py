"""Decisions: how often each category is approved at each step of confidence, over the windows of a data set."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from telemetry.catalogue.decisions import ACTIONS
from telemetry.dataset.averages import rounded
from telemetry.published.approval import Approval, approval_of
from telemetry.published.reading import Number
from telemetry.published.scales import step_of

_ALL_ACTIONS = (*ACTIONS, "other_actions")
_NONE: Mapping[str, "_StepDecisions"] = {}


class _StepDecisions(NamedTuple):
    """The voices at a step, the share of each action, and the approval with its interval and its own voices."""

    voices: int
    shares: dict[str, float]
    approval: Approval | None


class CategoryDecisions:
    """The decisions of all categories, as fields for the rows of each category."""

    def __init__(self, decisions: Iterable[Number]) -> None:
        found: dict[str, dict[str, list[Number]]] = {}
        for number in decisions:
            category, step = number.key
            # `other` has no amounts.
            if number.amounts["approve"] is not None:
                found.setdefault(category, {}).setdefault(step, []).append(number)
        self._steps = {
            category: {step: _decided(numbers) for step, numbers in sorted(steps.items())}
            for category, steps in found.items()
        }

    def voices(self) -> int:
        """Return the voices of all categories and steps together."""
        return sum(step.voices for steps in self._steps.values() for step in steps.values())

    def fields(self, category: str, confidence: float) -> dict[str, Any]:
        """Return a row's fields about decisions: the approval at its confidence, and all steps of its category."""
        steps = self._steps.get(category, _NONE)
        here = steps.get(step_of(confidence))
        approval = here.approval if here is not None else None
        return {
            "approved": rounded(approval.share) if approval else None,
            "approved_low": rounded(approval.low) if approval else None,
            "approved_high": rounded(approval.high) if approval else None,
            "approved_voices": approval.voices if approval is not None else 0,
            "decision_steps": [float(step) for step in steps],
            "decision_voices": [step.voices for step in steps.values()],
            "decision_judging_voices": [step.approval.voices if step.approval else 0 for step in steps.values()],
            "decision_approved": [rounded(step.approval.share) if step.approval else 0.0 for step in steps.values()],
            **{f"decision_{action}": [step.shares[action] for step in steps.values()] for action in _ALL_ACTIONS},
        }


def _decided(numbers: list[Number]) -> _StepDecisions:
    voices = sum(number.installations for number in numbers)
    sums = {action: sum(number.amounts[action] or 0.0 for number in numbers) for action in _ALL_ACTIONS}
    shares = {action: rounded(min(total / voices, 1.0)) for action, total in sums.items()}
    return _StepDecisions(voices, shares, approval_of(numbers))
