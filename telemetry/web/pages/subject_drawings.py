"""The charts of one category, language or version."""

from datetime import timedelta

from telemetry.charts.dots import DotRow, dots
from telemetry.charts.drawing import Caption
from telemetry.charts.lines import Line, lines
from telemetry.charts.units import Unit
from telemetry.published.approval import TARGET, Approval
from telemetry.published.dashboard.confidence import Confidence, confidence_of
from telemetry.published.dashboard.overview import Overview
from telemetry.published.dashboard.subjects import (
    WATCHED_DAYS,
    CategorySubject,
    LanguageSubject,
    VersionSubject,
    category_subject,
    language_subject,
    version_subject,
)
from telemetry.published.reading import PublicNumbers
from telemetry.web.pages.drawings import DRAWINGS, estimate, note_on
from telemetry.web.pages.exhibits import Exhibit, ExhibitColumn, nothing_drawn

_OVER_TIME = "-over-time"


def category_steps(subject: CategorySubject) -> Exhibit:
    """Return approval by step of confidence, the highest first."""
    steps = list(reversed(subject.steps))
    rows = [DotRow(step_range(step), [estimate(one)], is_below_target(step, one), note_on(one)) for step, one in steps]
    found = subject.threshold.threshold if subject.threshold is not None else None
    claim = "No threshold is known." if found is None else f"From {found:.2f} on decisions approve often enough."
    return Exhibit(
        f"category-{subject.category}",
        Caption(f"Approval of {subject.category} by confidence", claim),
        [ExhibitColumn("confidence", "confidence"), *_approval_columns()],
        [[step_range(step), *_cells(one)] for step, one in steps],
        lambda caption, form, theme: dots(caption, ["approved"], rows, target=TARGET, form=form, theme=theme),
    )


def category_course(subject: CategorySubject) -> Exhibit:
    """Return approval at high confidence over time."""
    days = [day for day, _ in subject.course]
    known = [one for _, one in subject.course]
    line = Line(
        "approved",
        [one.share if one else None for one in known],
        [one.low if one else None for one in known],
        [one.high if one else None for one in known],
    )
    return Exhibit(
        f"category-{subject.category}{_OVER_TIME}",
        Caption(f"Approval of {subject.category} at high confidence, by four weeks", "With intervals of 95 %."),
        [ExhibitColumn("start", "four weeks from"), *_approval_columns()],
        [[day, *_cells(one)] for day, one in subject.course],
        lambda caption, form, theme: (
            lines(caption, days, [line], unit=Unit.SHARE, form=form, theme=theme)
            if days
            else nothing_drawn(caption, form, theme)
        ),
    )


def language_course(subject: LanguageSubject) -> Exhibit:
    """Return the installations with patterns in a language, by category and week."""
    shown = [Line(name, values) for name, values in subject.categories.items()]
    return Exhibit(
        f"language-{subject.language}",
        Caption(f"Installations with patterns in {subject.language}, by category and week", "Counted once a week."),
        [ExhibitColumn("week", "week from"), *(ExhibitColumn(line.name, line.name, Unit.COUNT) for line in shown)],
        [[week, *(line.values[place] for line in shown)] for place, week in enumerate(subject.weeks)],
        lambda caption, form, theme: lines(caption, subject.weeks, shown, form=form, theme=theme),
    )


def version_course(subject: VersionSubject, prefix: str = "version") -> Exhibit:
    """Return the share of the installations that have a version, and that the one before had after as many days."""
    days = [subject.first_day + timedelta(number - 1) for number, _, _ in subject.shares]
    shown = [Line(subject.version, [own for _, own, _ in subject.shares])]
    columns = [ExhibitColumn("day", "day"), ExhibitColumn(subject.version, subject.version, Unit.SHARE)]
    if subject.before is not None:
        shown.append(Line(subject.before, [before for _, _, before in subject.shares]))
        columns.append(ExhibitColumn(subject.before, subject.before, Unit.SHARE))
    newest = subject.newest_share
    claim = "" if newest is None else f"{Unit.SHARE.figure(newest[1])} of the installations on day {newest[0]}."
    return Exhibit(
        f"{prefix}-{subject.version}",
        Caption(f"Share of installations with {subject.version}, by day since its release", claim),
        columns,
        [list(row[: len(columns)]) for row in subject.shares],
        lambda caption, form, theme: lines(caption, days, shown, unit=Unit.SHARE, form=form, theme=theme),
    )


def exhibit_of(name: str, seen: Overview, numbers: PublicNumbers) -> Exhibit | None:
    """Return the exhibit with a name, None if there is none."""
    if name in DRAWINGS:
        return DRAWINGS[name](seen)
    kind, _, rest = name.partition("-")
    if kind == "category":
        category = category_subject(numbers, seen.findings, rest.removesuffix(_OVER_TIME))
        draw = category_course if rest.endswith(_OVER_TIME) else category_steps
        return draw(category) if category is not None else None
    if kind == "language":
        language = language_subject(numbers, rest)
        return language_course(language) if language is not None else None
    if kind in ("version", "release"):
        version = version_subject(numbers, seen.adoption, rest, WATCHED_DAYS if kind == "release" else None)
        return version_course(version, kind) if version is not None else None
    return None


def is_below_target(step: str, approval: Approval) -> bool:
    """Tell whether a step of high confidence is approved less often than that promises."""
    return confidence_of(step) is Confidence.HIGH and approval.is_certain and approval.high < TARGET


def step_range(step: str) -> str:
    """Return what a step of confidence spans: the lowest reaches up to 0.55, others 0.05 further."""
    low = float(step)
    return f"{low:.2f} to {low + 0.05:.2f}" if low else "below 0.55"


def _approval_columns() -> list[ExhibitColumn]:
    return [
        ExhibitColumn("share", "approved", Unit.SHARE, missing="too few"),
        ExhibitColumn("low", "from", Unit.SHARE),
        ExhibitColumn("high", "to", Unit.SHARE),
        ExhibitColumn("voices", "voices", Unit.COUNT),
    ]


def _cells(one: Approval | None) -> list[float | int | None]:
    return [None] * 4 if one is None else [one.share, one.low, one.high, one.voices]
