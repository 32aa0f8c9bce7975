"""Claims: the sentence that a page begins with, in parts; each part that claims something links to its page."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from telemetry.charts.units import Unit
from telemetry.published.approval import TARGET
from telemetry.published.dashboard.adoption import Adoption
from telemetry.published.dashboard.confidence import CategoryApproval, ConfidenceWindow
from telemetry.published.dashboard.speed import Speed, percentiles
from telemetry.wording import amount

_NAMED_MAX = 3
# Slower by so much is worth a sentence.
_SLOWER = 1.25
_ON_THE_WAY_DAYS = 14


class Claim(NamedTuple):
    """A piece of a sentence, and where it is explained, if anywhere."""

    text: str
    address: str | None = None


def headline(decided: ConfidenceWindow | None, adoption: Adoption, speed: Speed, last: date) -> list[Claim]:
    """Return what matters most, in at most three sentences."""
    return [*about_confidence(decided), *about_adoption(adoption, last), *about_speed(speed, adoption)]


def about_confidence(decided: ConfidenceWindow | None) -> list[Claim]:
    """Say whether high confidence is right."""
    if decided is None or decided.high is None:
        return []
    rated = len(decided.rated)
    if decided.inverted:
        return _named(decided.inverted, rated, "clearly approved less often when Drift is sure")
    if decided.missing_target:
        target = Unit.SHARE.figure(TARGET)
        return _named(decided.missing_target, rated, f"clearly approved less often than {target} when Drift is sure")
    share = Unit.SHARE.figure(decided.high.share)
    return [Claim(f"{share} of decisions approve when Drift is sure", "/#confidence"), Claim(". ")]


def _named(categories: Sequence[CategoryApproval], rated: int, what: str) -> list[Claim]:
    verb = "is" if len(categories) == 1 else "are"
    rated_ones = "category" if rated == 1 else "categories"
    parts = [Claim(f"{len(categories)} of {rated} {rated_ones} with enough decisions {verb} {what}: ")]
    for number, one in enumerate(categories[:_NAMED_MAX]):
        if one.high is not None:
            parts.append(Claim(", " if number else ""))
            parts.append(Claim(one.category, f"/categories/{one.category}"))
            parts.append(Claim(f" {Unit.SHARE.figure(one.high.share)}"))
    rest = len(categories) - _NAMED_MAX
    return [*parts, Claim(f" and {rest} more. " if rest > 0 else ". ")]


def about_adoption(adoption: Adoption, last: date) -> list[Claim]:
    """Say how the newest release is taken up; of a young one without half of the installations, what share it has."""
    newest = adoption.newest
    if newest is None:
        return []
    link = Claim(newest.version, f"/releases/{newest.version}")
    if newest.days_to_half is not None:
        return [link, Claim(f" reached half of the installations in {amount(newest.days_to_half, 'day')}. ")]
    counts = adoption.days.get(last, {})
    total = sum(counts.values())
    if not total or (last - newest.first_day).days > _ON_THE_WAY_DAYS:
        return []
    share = Unit.SHARE.figure(counts.get(newest.version, 0) / total)
    since = amount((last - newest.first_day).days + 1, "day")
    return [
        link,
        Claim(f" has {share} of the installations after {since}. "),
    ]


def about_speed(speed: Speed, adoption: Adoption) -> list[Claim]:
    """Say that the newest release scans slower than the one before, if it does."""
    newest = adoption.newest
    before = adoption.before(newest.version) if newest is not None else None
    known = {name: values for name, values, _ in speed.versions()}
    if newest is None or before is None or not {newest.version, before} <= known.keys():
        return []
    slower = known[newest.version][1] / known[before][1]
    if slower < _SLOWER:
        return []
    return [
        Claim(f"Its slowest scans take {round((slower - 1) * 100)}\N{NO-BREAK SPACE}% longer", "/#speed"),
        Claim(f" than those of {before}."),
    ]


def p95_ms(buckets: dict[int, int]) -> float | None:
    """Return the 95th percentile of some durations, in milliseconds."""
    found = percentiles(buckets, (95,))
    return found[0] if found else None


def written(claims: Sequence[Claim]) -> str:
    """Return the sentence without links."""
    return "".join(claim.text for claim in claims).strip()
