"""The dashboard: one sentence, four numbers, and a section for each question that a maintainer has."""

from collections.abc import Sequence
from datetime import date

import htpy as h

from telemetry.charts.units import Unit
from telemetry.published.dashboard.claims import written
from telemetry.published.dashboard.confidence import ConfidenceWindow
from telemetry.published.dashboard.overview import Overview
from telemetry.published.dashboard.trust import Trust
from telemetry.published.thresholds import VOICES_MIN
from telemetry.published.windows import Period
from telemetry.web.pages import drawings
from telemetry.web.pages.benchmarks import BENCHMARKS_PLACE
from telemetry.web.pages.layout import page
from telemetry.web.pages.live import LIVE_PLACE
from telemetry.web.pages.sections import card, chart, details, ranges_of, section, sentence, sources, table
from telemetry.wording import amount, were

# Of what is found, more is a matter for the files.
_GAPS_NAMED_MAX = 10


def dashboard_page(seen: Overview) -> bytes:
    """Return the page of a span."""
    claim = written(seen.claims)
    return page(
        "Drift in numbers",
        h.p(".muted")[_reach(seen.trust)],
        ranges_of("/", seen.span),
        sentence(seen.claims) if claim else None,
        h.ul(".cards", aria_label="The main numbers")[(card(figure, seen.span) for figure in seen.figures)],
        LIVE_PLACE,
        _confidence(seen),
        _versions(seen),
        _speed(seen),
        _parts(seen) if seen.speed.parts() else None,
        _found(seen),
        _returning(seen),
        _growth(seen),
        BENCHMARKS_PLACE,
        _trust(seen.trust),
        path="/",
        description=claim or "Anonymous usage of Drift in numbers.",
    )


def day_in_words(day: date) -> str:
    """Return a day as it stands in a sentence."""
    return f"{day.day} {day:%B %Y}"


def _reach(trust: Trust) -> str:
    each = "1 or more installations" if trust.threshold == 1 else f"{trust.threshold} or more installations"
    return f"Complete days up to {day_in_words(trust.complete_up_to)} · each number stands for {each}"


def _confidence(seen: Overview) -> h.Node:
    decided = seen.newest_decided
    when = "" if decided is None else f" {_four_weeks(decided.last_day, seen.trust)}"
    beside = " Where bars overlap, a difference may be chance." if decided is not None else ""
    if _has_few_voices(decided):
        beside += f" A row with fewer than {VOICES_MIN} voices has their number instead of a rate."
    return section(
        "Is confidence right?",
        f"Approved share of decisions; a diamond belongs in the shaded band.{beside}{when}",
        drawings.confidence_exhibit(seen),
        seen.span,
        "Each installation has one voice in each category and step of confidence: the share that accepts (approve, "
        "fix, escalate) of its decisions that accept or reject. Low is below 0.70, high from 0.85 on. The bars are "
        "95 % intervals by voices. A category is marked if its whole interval at high confidence is below the target, "
        "with at least 20 voices.",
        row_address="/categories",
    )


def _four_weeks(last_day: str, trust: Trust) -> str:
    """Say what four weeks a section is about, and why it is not about later days."""
    following = day_in_words(trust.next_on(Period.FOUR_WEEKS))
    return f"Four weeks to {day_in_words(date.fromisoformat(last_day))}; the next four are published on {following}."


def _has_few_voices(decided: ConfidenceWindow | None) -> bool:
    return decided is not None and any(one.high is not None and not one.high.is_certain for one in decided.categories)


def _versions(seen: Overview) -> h.Node:
    apart = [
        f"{max(counts):,} {name}"
        for name, by_day in (
            ("builds from source", seen.adoption.development), ("pipelines and agents", seen.adoption.automated)
        )
        if (counts := [count for day, count in by_day.items() if day in set(seen.days)])
    ]  # fmt: skip
    beside = f" Up to {' and '.join(apart)} a day are not among them." if apart else ""
    return section(
        "Which versions are in use?",
        f"Installations a day by the newest version they reported.{beside}",
        drawings.versions_exhibit(seen),
        seen.span,
        "An installation counts once a day, under the newest version that it reported, from its second day on. A "
        "dashed line is the first day on which enough installations had a version. Versions of few are unnamed.",
    )


def _speed(seen: Overview) -> h.Node:
    by_version, by_day = drawings.speed_exhibit(seen), drawings.speed_by_day_exhibit(seen)
    counted = (
        "At most 20 full scans of an installation and day, in buckets that are 10 % wide. Durations of too few "
        "installations join those next to them, towards the middle. Incremental scans are not counted."
    )
    return h.section("#speed", aria_labelledby="speed-title")[
        h.h2("#speed-title")["Is it fast enough?"],
        h.p[
            "Half of the full scans take no longer than p50, 95 of 100 than p95, 99 of 100 than p99. The figure is p95."
        ],
        chart(by_version, seen.span),
        details(by_version, row_address="/versions"),
        sources(by_version, seen.span, counted),
        h.h3["By day"],
        chart(by_day, seen.span),
        details(by_day),
        sources(by_day, seen.span, counted),
    ]


def _parts(seen: Overview) -> h.Node:
    return section(
        "How fast are the native parts?",
        "Parses of a file, by language, and calls of native functions: half take no longer than p50, 95 of 100 than "
        "p95, 99 of 100 than p99. The figure is p95.",
        drawings.parts_exhibit(seen),
        seen.span,
        "At most 20 reports of an installation, day and kind. A report tells the mean of its files or calls. Functions "
        "that are neither known nor admitted are other.",
    )


def _found(seen: Overview) -> h.Node:
    exhibit = drawings.found_exhibit(seen)
    week = seen.findings
    following = day_in_words(seen.trust.next_on(Period.WEEK))
    when = (
        f"No whole week is published yet; the first is on {following}."
        if week is None
        else f"Week to {day_in_words(date.fromisoformat(week.last_day))}; the next is published on {following}. "
        "A dash stands for too few."
    )
    return h.section("#found", aria_labelledby="found-title")[
        h.h2("#found-title")["What is found?"],
        h.p[when],
        table(exhibit, row_address="/languages", is_turned=True) if exhibit.rows else None,
        sources(
            exhibit,
            seen.span,
            "An installation counts once for each pair of language and category. Pairs of too few have no number.",
        ),
    ]


def _returning(seen: Overview) -> h.Node:
    return section(
        "Who comes back?",
        "Installations a week: those that were seen before, new ones, and builds from source.",
        drawings.returning_exhibit(seen),
        seen.span,
        "An installation counts once a week. It is new in the week in which it was seen first; builds of continuous "
        "integration that get an id for each run are all new.",
    )


def _growth(seen: Overview) -> h.Node:
    when = f" {_four_weeks(seen.growth[-1].last_day, seen.trust)}" if seen.growth else ""
    return section(
        "The data set grows",
        f"Signatures of patterns that enough installations have in common, in four weeks.{when}",
        drawings.growth_exhibit(seen),
        seen.span,
        "A signature counts if enough installations had it in the same four weeks. It is new in the first of them.",
    )


def _trust(trust: Trust) -> h.Node:
    return h.section("#trust", aria_labelledby="trust-title")[
        h.h2("#trust-title")["Can these numbers be trusted?"],
        h.p[
            f"They are complete from {day_in_words(trust.first_day)} to {day_in_words(trust.complete_up_to)}"
            f"{_gaps(trust.without_numbers)}."
        ],
        h.ul[
            h.li[
                "A published number changes only when the operator excludes an installation or deletes days: ",
                _again(trust.made_again),
                ".",
            ],
            h.li["What fewer than ", str(trust.threshold), " installations have in common is not shown."],
        ],
        h.details[
            h.summary["How much has no name"],
            h.div(".scroll", role="region", tabindex="0", aria_label="Table: share without a name")[
                h.table[
                    h.caption["Share of installations under “other”, by series"],
                    h.thead[h.tr[h.th(scope="col")["series"], h.th(".number", scope="col")["without a name"]]],
                    h.tbody[
                        (
                            h.tr[h.th(scope="row")[one.meaning], h.td(".number")[Unit.SHARE.figure(one.share)]]
                            for one in trust.unnamed
                        )
                    ],
                ]
            ],
        ],
    ]


def _gaps(days: Sequence[date]) -> str:
    if not days:
        return ", without a gap"
    named = ", ".join(day.isoformat() for day in days[:_GAPS_NAMED_MAX])
    rest = f" and {len(days) - _GAPS_NAMED_MAX} more" if len(days) > _GAPS_NAMED_MAX else ""
    return f", but for days without a number: {named}{rest}"


def _again(count: int) -> str:
    return f"{amount(count, 'window')} {were(count)} made again" if count else "no window was made again"
