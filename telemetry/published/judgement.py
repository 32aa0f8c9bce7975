"""Judgement: how many installations accepted or rejected findings, and how large a share of these each accepted.

Decisions that do neither are left out. Windows that were closed before there were such amounts have `approve` alone. In
them, every installation counts as one that judged, and every other action as a rejection.
"""

from collections.abc import Mapping
from typing import NamedTuple

from telemetry.published.scales import ONE_IN_MILLIONTHS

JUDGED, ACCEPTED, ACCEPTED_SQUARES = "judged", "accepted", "accepted_squares"


class JudgedVoices(NamedTuple):
    """Installations that judged, the sum of the shares that they accepted, and the sum of these shares' squares."""

    voices: int
    accepted: float
    squares: float


def judgement_of(installations: int, amounts: Mapping[str, float | None]) -> JudgedVoices | None:
    """Return what the amounts of a row of decisions say; None if too few judged, as under ``other``."""
    judged = amounts.get(JUDGED)
    if judged is None:
        approve, squares = amounts["approve"], amounts["approve_squares"]
        return None if approve is None or squares is None else JudgedVoices(installations, approve, squares)
    voices = round(judged)
    return JudgedVoices(voices, amounts[ACCEPTED] or 0.0, amounts[ACCEPTED_SQUARES] or 0.0) if voices else None


def without_few(sums: Mapping[str, int], installations: int, k: int) -> dict[str, int]:
    """Return the sums of a row, in millionths, so that they tell of no fewer than k installations.

    Where fewer than k judged, nothing is said of them. Where fewer than k did not, these count as the average of the
    others: approval stays what it is.
    """
    judged = sums.get(JUDGED, 0) // ONE_IN_MILLIONTHS
    if judged < k:
        return {**sums, JUDGED: 0, ACCEPTED: 0, ACCEPTED_SQUARES: 0}
    if not 0 < installations - judged < k:
        return dict(sums)
    scaled = {name: sums.get(name, 0) * installations // judged for name in (ACCEPTED, ACCEPTED_SQUARES)}
    return {**sums, **scaled, JUDGED: installations * ONE_IN_MILLIONTHS}
