"""The charts of the dashboard: each from an overview, with the claim that those who do not see it are read."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date

from telemetry.catalogue.versions import version_order
from telemetry.charts.dots import DotRow, Estimate, dots
from telemetry.charts.drawing import Caption
from telemetry.charts.lines import Line, lines
from telemetry.charts.matrix import matrix
from telemetry.charts.ranges import Range, ranges
from telemetry.charts.stacked_bars import Part, stacked_bars
from telemetry.charts.units import Unit
from telemetry.published.approval import TARGET, Approval
from telemetry.published.dashboard.confidence import CategoryApproval, Confidence
from telemetry.published.dashboard.overview import Overview
from telemetry.published.dashboard.speed import PERCENTS
from telemetry.published.series import OTHER_LABEL
from telemetry.web.pages.exhibits import Exhibit, ExhibitColumn, nothing_drawn
from telemetry.wording import amount

_SHOWN_VERSIONS = 5
_SHOWN_PARTS = 12
_PERCENTILES = tuple(f"p{percent}" for percent in PERCENTS)


def estimate(approval: Approval | None) -> Estimate | None:
    """Return an approval as a chart draws it."""
    return None if approval is None else Estimate(approval.share, approval.low, approval.high)


def note_on(approval: Approval | None) -> str:
    """Return how many voices there are where they are too few for a rate."""
    if approval is None:
        return "too few"
    return "" if approval.is_certain else amount(approval.voices, "voice")


def approval_columns(first: ExhibitColumn) -> list[ExhibitColumn]:
    """Return the columns of a table of approvals by confidence, behind a first one."""
    columns = [first]
    for confidence in Confidence:
        columns += [
            ExhibitColumn(f"{confidence}_share", f"{confidence}", Unit.SHARE, missing="too few"),
            ExhibitColumn(f"{confidence}_low", "from", Unit.SHARE),
            ExhibitColumn(f"{confidence}_high", "to", Unit.SHARE),
            ExhibitColumn(f"{confidence}_voices", "voices", Unit.COUNT),
        ]
    return columns


def approval_cells(approvals: Sequence[Approval | None]) -> list[int | float | None]:
    """Return the cells of approvals."""
    cells: list[int | float | None] = []
    for one in approvals:
        cells += [None] * 4 if one is None else [one.share, one.low, one.high, one.voices]
    return cells


def confidence_exhibit(seen: Overview) -> Exhibit:
    """Return approval by category and confidence, worst first."""
    decided = seen.newest_decided
    categories: Sequence[CategoryApproval] = decided.categories if decided is not None else ()
    wrong = [one.category for one in categories if one.misses_target]
    claim = (
        f"Clearly approved less often than {Unit.SHARE.figure(TARGET)} at high confidence: {', '.join(wrong)}."
        if wrong
        else "No category is clearly approved less often than high confidence promises."
    )
    rows = [
        DotRow(one.category, [estimate(it) for it in one.approvals], one.misses_target, note_on(one.high))
        for one in categories
    ]
    return Exhibit(
        "confidence",
        Caption("Approval by category and confidence", claim),
        approval_columns(ExhibitColumn("category", "category")),
        [[one.category, *approval_cells(one.approvals)] for one in categories],
        lambda caption, form, theme: dots(
            caption, [str(one) for one in Confidence], rows, target=TARGET, form=form, theme=theme
        ),
    )


def versions_exhibit(seen: Overview) -> Exhibit:
    """Return installations by day and version: the newest five, and the others."""
    days = list(seen.days)
    totals = Counter[str]()
    for day in days:
        totals.update(seen.adoption.days.get(day, {}))
    named = sorted((name for name in totals if name != OTHER_LABEL), key=version_order, reverse=True)
    shown, older = named[:_SHOWN_VERSIONS], named[_SHOWN_VERSIONS:]
    parts = [(name, [_count(seen, day, [name]) for day in days]) for name in shown]
    parts += [("older", [_count(seen, day, older) for day in days])] if older else []
    parts += [("unnamed", [_count(seen, day, [OTHER_LABEL]) for day in days])] if totals[OTHER_LABEL] else []
    parts = [part for part in parts if any(part[1])]
    newest = seen.adoption.newest
    if newest is None:
        claim = "No version is published yet."
    elif newest.days_to_half is None:
        claim = f"{newest.version} is the newest."
    else:
        claim = f"{newest.version} is the newest; it reached half of the installations in {newest.days_to_half} days."
    releases = [(one.first_day, one.version) for one in seen.adoption.releases if one.first_day > seen.trust.first_day]
    return Exhibit(
        "versions",
        Caption("Installations a day by version", claim),
        [ExhibitColumn("day", "day"), *(ExhibitColumn(name, name, Unit.COUNT) for name, _ in parts)],
        [[day, *(amounts[place] for _, amounts in parts)] for place, day in enumerate(days)],
        lambda caption, form, theme: stacked_bars(
            caption, days, [Part(name, amounts) for name, amounts in parts], releases=releases, form=form, theme=theme
        ),
    )


def _count(seen: Overview, day: date, names: Sequence[str]) -> int:
    counts = seen.adoption.days.get(day, {})
    return sum(counts.get(name, 0) for name in names)


def speed_exhibit(seen: Overview) -> Exhibit:
    """Return the percentiles of full scans by version, newest first."""
    known = seen.speed.versions()
    worst = max(known, key=lambda one: one[1][1], default=None)
    claim = (
        "Too few scans are published yet."
        if worst is None
        else f"{known[0][0]} finishes 95 of 100 scans within {Unit.DURATION.figure(known[0][1][1])}; "
        f"the slowest is {worst[0]} with {Unit.DURATION.figure(worst[1][1])}."
    )
    rows = [Range(name, values) for name, values, _ in known]
    return Exhibit(
        "speed",
        Caption("Duration of a full scan by version", claim),
        [
            ExhibitColumn("version", "version"),
            *(ExhibitColumn(f"{name}_ms", name, Unit.DURATION) for name in _PERCENTILES),
            ExhibitColumn("scans", "scans", Unit.COUNT),
        ],
        [[name, *values, total] for name, values, total in known],
        lambda caption, form, theme: ranges(caption, _PERCENTILES, rows, figure=1, form=form, theme=theme),
    )


def speed_by_day_exhibit(seen: Overview) -> Exhibit:
    """Return the percentiles of full scans by day."""
    days = list(seen.days)
    known = [seen.speed.day(day) for day in days]
    shown = [Line(name, [one[place] if one else None for one in known]) for place, name in enumerate(_PERCENTILES)]
    releases = [(one.first_day, one.version) for one in seen.adoption.releases if one.first_day > seen.trust.first_day]
    return Exhibit(
        "speed-by-day",
        Caption("Duration of a full scan by day", "The 50th, 95th and 99th percentile of each day."),
        [ExhibitColumn("day", "day"), *(ExhibitColumn(f"{name}_ms", name, Unit.DURATION) for name in _PERCENTILES)],
        [[day, *(one or (None, None, None))] for day, one in zip(days, known, strict=True)],
        lambda caption, form, theme: lines(
            caption, days, shown, releases=releases, unit=Unit.DURATION, form=form, theme=theme
        ),
    )


def parts_exhibit(seen: Overview) -> Exhibit:
    """Return the percentiles of parses and native calls, slowest first."""
    known = list(seen.speed.parts())
    claim = (
        "Too few parses and native calls are published yet."
        if not known
        else f"The slowest is {known[0][0]}: 95 of 100 take {Unit.DURATION.figure(known[0][1][1])} or less."
    )
    shown = [Range(name, values) for name, values, _ in known[:_SHOWN_PARTS]]
    return Exhibit(
        "native-durations",
        Caption("Duration of parses by language and of native calls by function", claim),
        [
            ExhibitColumn("what", "what"),
            *(ExhibitColumn(f"{name}_ms", name, Unit.DURATION) for name in _PERCENTILES),
            ExhibitColumn("observations", "observations", Unit.COUNT),
        ],
        [[name, *values, total] for name, values, total in known],
        lambda caption, form, theme: ranges(caption, _PERCENTILES, shown, figure=1, form=form, theme=theme),
    )


def returning_exhibit(seen: Overview) -> Exhibit:
    """Return installations by week: returning ones, new ones, and beside them those of no person."""
    weeks = list(seen.weeks)
    parts = [
        Part("returning", [week.returning for week in weeks]),
        Part("new", [week.new for week in weeks]),
        Part("unnamed", [week.unnamed for week in weeks]),
        Part("from source", [week.development for week in weeks]),
        Part("pipelines and agents", [week.automated for week in weeks]),
    ]
    last = weeks[-1] if weeks else None
    claim = (
        "No whole week is published yet."
        if last is None
        else f"In the last week {last.returning:,} installations had been seen before, and {last.new:,} were new."
    )
    return Exhibit(
        "returning",
        Caption("Installations a week", claim),
        [
            ExhibitColumn("week", "week from"),
            *(ExhibitColumn(part.name.replace(" ", "_"), part.name, Unit.COUNT) for part in parts),
        ],
        [[week.start, week.returning, week.new, week.unnamed, week.development, week.automated] for week in weeks],
        lambda caption, form, theme: stacked_bars(
            caption, [week.start for week in weeks], [part for part in parts if any(part.values)],
            form=form, theme=theme,
        )
        if weeks
        else nothing_drawn(caption, form, theme),
    )  # fmt: skip


def growth_exhibit(seen: Overview) -> Exhibit:
    """Return how many signatures the data set has, by four weeks."""
    grown = list(seen.growth)
    last = grown[-1] if grown else None
    claim = (
        "No four weeks are published yet."
        if last is None
        else f"{last.signatures:,} signatures in the last four weeks, {last.first_seen:,} of them for the first time."
    )
    dates = [date.fromisoformat(one.start) for one in grown]
    parts = [
        Part("seen before", [one.signatures - one.first_seen for one in grown]),
        Part("new", [one.first_seen for one in grown]),
    ]
    return Exhibit(
        "growth",
        Caption("Signatures that enough installations have in common", claim),
        [
            ExhibitColumn("start", "four weeks from"),
            ExhibitColumn("signatures", "signatures", Unit.COUNT),
            ExhibitColumn("first_seen", "new", Unit.COUNT),
        ],
        [[one.start, one.signatures, one.first_seen] for one in grown],
        lambda caption, form, theme: (
            stacked_bars(caption, dates, [part for part in parts if any(part.values)], form=form, theme=theme)
            if any(one.signatures for one in grown)
            else nothing_drawn(caption, form, theme)
        ),
    )


def found_exhibit(seen: Overview) -> Exhibit:
    """Return the categories that patterns of were found, by language."""
    week = seen.findings
    categories = week.categories if week is not None else []
    languages = {
        language: counts
        for language, counts in (week.by_language if week is not None else {}).items()
        if counts.keys() & set(categories)
    }
    claim = "No whole week is published yet." if week is None else f"In the week to {week.last_day}."
    return Exhibit(
        "found",
        Caption("Installations in which patterns were found, by language and category", claim),
        [ExhibitColumn("language", "language"), *(ExhibitColumn(name, name, Unit.COUNT) for name in categories)],
        [[language, *(counts.get(name) for name in categories)] for language, counts in languages.items()],
        lambda caption, form, theme: matrix(
            caption, categories, list(languages.items()), kinds=("categories", "languages"), form=form, theme=theme
        ),
    )


DRAWINGS: dict[str, Callable[[Overview], Exhibit]] = {
    "confidence": confidence_exhibit,
    "versions": versions_exhibit,
    "speed": speed_exhibit,
    "speed-by-day": speed_by_day_exhibit,
    "native-durations": parts_exhibit,
    "found": found_exhibit,
    "returning": returning_exhibit,
    "growth": growth_exhibit,
}
"""The charts that have an address, by name."""
