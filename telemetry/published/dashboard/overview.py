"""Overview: everything that pages, charts and badges say about one span of one publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from telemetry.charts.units import Unit
from telemetry.published.approval import TARGET, Approval
from telemetry.published.dashboard.activity import ActiveWeek, active_weeks, split
from telemetry.published.dashboard.adoption import Adoption, adoption
from telemetry.published.dashboard.claims import Claim, headline, p95_ms
from telemetry.published.dashboard.confidence import ConfidenceWindow, automated_approval, confidence_windows
from telemetry.published.dashboard.figures import Figure, mean
from telemetry.published.dashboard.findings import Findings, Growth, findings, growth
from telemetry.published.dashboard.spans import Span
from telemetry.published.dashboard.speed import Speed, automated_scans, speed
from telemetry.published.dashboard.trust import Trust, trust
from telemetry.published.reading import PublicNumbers
from telemetry.published.windows import Period
from telemetry.wording import amount


@dataclass(frozen=True, slots=True)
class Overview:
    """The numbers of a span. ``days`` are its days up to the last complete one, from the first with numbers on."""

    span: Span
    days: Sequence[date]
    claims: Sequence[Claim]
    figures: Sequence[Figure]
    weeks: Sequence[ActiveWeek]
    decided: Sequence[ConfidenceWindow]
    adoption: Adoption
    speed: Speed
    findings: Findings | None
    growth: Sequence[Growth]
    trust: Trust

    @property
    def newest_decided(self) -> ConfidenceWindow | None:
        """The newest four weeks of decisions."""
        return self.decided[-1] if self.decided else None


def overview(numbers: PublicNumbers, span: Span) -> Overview | None:
    """Read what a span shows; None if nothing is published."""
    trusted = trust(numbers)
    if trusted is None:
        return None
    last = trusted.complete_up_to
    first = max(span.first_day(last), trusted.first_day)
    days = [first + timedelta(number) for number in range((last - first).days + 1)]
    weeks, decided, adopted = active_weeks(numbers), confidence_windows(numbers), adoption(numbers)
    fast = speed(numbers, first, last)
    before = _speed_before(numbers, span, first, trusted.first_day)
    return Overview(
        span,
        days,
        headline(decided[-1] if decided else None, adopted, fast, last),
        [
            *_people(weeks, span),
            _approved(decided, automated_approval(numbers, decided[-1].start) if decided else None, trusted),
            _scans(fast, before, p95_ms(automated_scans(numbers, first, last)), days, span),
        ],
        weeks[-(span.weeks or len(weeks)) :] if span is not Span.WEEK else weeks[-2:],
        decided,
        adopted,
        fast,
        findings(numbers),
        growth(numbers),
        trusted,
    )


def _speed_before(numbers: PublicNumbers, span: Span, first: date, known_from: date) -> Speed | None:
    """Return the durations of as many days before the span; None if numbers do not reach back so far."""
    if span is Span.ALL or first - timedelta(int(span)) < known_from:
        return None
    return speed(numbers, first - timedelta(int(span)), first - timedelta(1))


def _people(weeks: Sequence[ActiveWeek], span: Span) -> list[Figure]:
    shown, before = split(weeks, span.weeks)
    against = "the week before" if span is Span.WEEK else f"the {len(before)} weeks before"
    about = f"a week, mean of {len(shown)} weeks" if shown else "no whole week yet"
    if len(shown) == 1:
        about = f"week to {_day(shown[-1].start + timedelta(6))}"
    beside = [
        f"{count:,} {name}"
        for name, values in (
            ("builds from source", [one.development for one in shown]),
            ("pipelines and agents", [one.automated for one in shown]),
        )
        if (count := round(mean(values) or 0))
    ]
    counted = "Installations with events in a week from Monday, each counted once."
    return [
        Figure(
            "active", "Active installations", mean([one.active for one in shown]), Unit.COUNT, about,
            f"{counted} Builds from source, pipelines and agents are not counted.",
            mean([one.active for one in before]), against, f"not counted: {', '.join(beside)}" if beside else "",
            [one.active for one in weeks[-max(len(shown), 12):]],
        ),
        Figure(
            "returning", "Returning installations", mean([one.returning for one in shown]), Unit.COUNT, about,
            f"{counted} Returning ones were seen before that week.",
            mean([one.returning for one in before]), against,
            f"not counted: {round(mean([one.new for one in shown]) or 0):,} in their first week" if shown else "",
            [one.returning for one in weeks[-max(len(shown), 12):]],
        ),
    ]  # fmt: skip


def _approved(decided: Sequence[ConfidenceWindow], automated: Approval | None, trusted: Trust) -> Figure:
    newest = decided[-1] if decided else None
    beside = f"; pipelines and agents {Unit.SHARE.figure(automated.share)}" if automated else ""
    before = decided[-2].high if len(decided) > 1 and decided[-2].is_whole else None
    return Figure(
        "approved", "Approved at high confidence",
        newest.high.share if newest is not None and newest.high is not None else None, Unit.SHARE,
        f"target {Unit.SHARE.figure(TARGET)}; four weeks to {_day(date.fromisoformat(newest.last_day))}"
        if newest is not None
        else "no four weeks yet",
        "The share of decisions that accept a pattern whose confidence is 0.85 or more: approve, fix or escalate, of "
        "all that accept or reject. Each installation has one voice in each category and step of confidence. "
        "Pipelines and agents are not counted.",
        before.share if before is not None else None, "the four weeks before",
        f"{amount(newest.high.voices, 'voice')}{beside}" if newest is not None and newest.high is not None else "",
        [one.high.share if one.high is not None else None for one in decided if one.is_whole],
        is_apart=newest is None or newest.high is None or before is None or newest.high.is_apart_from(before),
        following=f"next on {_day(trusted.next_on(Period.FOUR_WEEKS))}",
    )  # fmt: skip


def _scans(fast: Speed, before: Speed | None, automated_ms: float | None, days: Sequence[date], span: Span) -> Figure:
    beside = f"pipelines and agents {Unit.DURATION.figure(automated_ms)}" if automated_ms is not None else ""
    known = [fast.day(day) for day in days]
    return Figure(
        "scan-p95", "Scan, 95th percentile", p95_ms(fast.between(days[0], days[-1])), Unit.DURATION,
        f"{len(days)} days to {_day(days[-1])}" if len(days) > 1 else f"on {_day(days[-1])}",
        "95 of 100 full scans take no longer, within 5 %. Incremental scans, and those of pipelines and "
        "agents, are not counted.",
        p95_ms(before.between(date.min, date.max)) if before is not None else None,
        "the day before" if len(days) == 1 else f"the {span} days before", beside,
        [one[1] if one is not None else None for one in known],
        less_is_better=True,
    )  # fmt: skip


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"
