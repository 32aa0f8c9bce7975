"""Pages about one category, language or version, with addresses that can be shared."""

from datetime import date
from urllib.parse import quote

import htpy as h

from telemetry.charts.units import Unit
from telemetry.published.approval import TARGET
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
from telemetry.published.thresholds import VOICES_MIN
from telemetry.web.pages.dashboard import day_in_words
from telemetry.web.pages.exhibits import Exhibit
from telemetry.web.pages.layout import page
from telemetry.web.pages.sections import chart, details, sources
from telemetry.web.pages.subject_drawings import category_course, category_steps, language_course, version_course
from telemetry.wording import amount

_APPROVAL_COUNTED = (
    "Each installation has one voice in each step of confidence: the share that accepts (approve, fix, escalate) of "
    "its decisions that accept or reject. The bars are 95 % intervals by voices. From the threshold on, the one-sided "
    "95 % bound of each step reaches the target. A row with fewer than "
    f"{VOICES_MIN} voices has their number instead of a rate."
)


def category_page(category: str, seen: Overview, numbers: PublicNumbers) -> bytes | None:
    """Return the page of a category, None if nothing is published about it."""
    subject = category_subject(numbers, seen.findings, category)
    if subject is None:
        return None
    return page(
        f"Category {category}",
        h.p(".lead")[_threshold(subject)],
        _exhibit("By confidence", category_steps(subject), seen, _APPROVAL_COUNTED),
        _exhibit("High confidence over time", category_course(subject), seen, _APPROVAL_COUNTED),
        h.section(aria_labelledby="languages")[
            h.h2("#languages")["In which languages it is found"],
            h.ul[
                (
                    h.li[h.a(href=f"/languages/{quote(name, safe='')}")[name], f": {amount(count, 'installation')}"]
                    for name, count in subject.languages
                )
            ]
            if subject.languages
            else h.p["No language with enough installations in the last week."],
        ],
        path=f"/categories/{category}",
        description=_threshold(subject),
    )


def _threshold(subject: CategorySubject) -> str:
    target = Unit.SHARE.figure(TARGET)
    if subject.last_day is None or subject.threshold is None:
        return f"Too few installations decide about {subject.category} to say whether its confidence is right."
    when = f"In the four weeks to {day_in_words(date.fromisoformat(subject.last_day))}"
    _, high = subject.course[-1]
    share = "" if high is None else f"{Unit.SHARE.figure(high.share)} of decisions at high confidence approve; "
    if subject.threshold.threshold is None:
        return f"{when}, {share}no confidence is known from which on at least {target} approve."
    return f"{when}, {share}from a confidence of {subject.threshold.threshold:.2f} on, at least {target} approve."


def language_page(language: str, seen: Overview, numbers: PublicNumbers) -> bytes | None:
    """Return the page of a language, None if nothing is published about it."""
    subject = language_subject(numbers, language)
    if subject is None:
        return None
    claim = _most_found(subject)
    counted = "An installation counts once a week for each category. Categories of too few have no number."
    return page(
        f"Language {language}",
        h.p(".lead")[claim],
        _exhibit("By category and week", language_course(subject), seen, counted),
        path=f"/languages/{language}",
        description=claim,
    )


def _most_found(subject: LanguageSubject) -> str:
    if subject.most_found is None:
        return f"No category of patterns in {subject.language} has enough installations to be named."
    names, installations, last_day = subject.most_found
    return (
        f"Of the patterns in {subject.language}, those about {' and '.join(names)} were found in the most "
        f"installations: {installations:,}{' each' * (len(names) > 1)} in the week to {day_in_words(last_day)}."
    )


def version_page(version: str, seen: Overview, numbers: PublicNumbers) -> bytes | None:
    """Return the page of a version beside the one before, None if it was not released."""
    subject = version_subject(numbers, seen.adoption, version)
    return _version(subject, seen, f"/versions/{version}") if subject is not None else None


def release_page(version: str, seen: Overview, numbers: PublicNumbers) -> bytes | None:
    """Return the page of a release's first 72 hours beside those of the one before, None if it was not released."""
    subject = version_subject(numbers, seen.adoption, version, WATCHED_DAYS)
    return _version(subject, seen, f"/releases/{version}", is_watched=True) if subject is not None else None


def _version(subject: VersionSubject, seen: Overview, path: str, *, is_watched: bool = False) -> bytes:
    claim = f"First seen on {day_in_words(subject.first_day)}"
    if subject.newest_share is not None:
        day, share = subject.newest_share
        claim += f"; {Unit.SHARE.figure(share)} of the installations had it on day {day}"
    claim += "."
    other = f"/versions/{subject.version}" if is_watched else f"/releases/{subject.version}"
    counted = "An installation counts once a day, under the newest version it reported. Day 1 is the first with enough."
    return page(
        f"The first 72 hours of {subject.version}" if is_watched else f"Version {subject.version}",
        h.p(".lead")[claim],
        h.p[h.a(href=other)["All days of this version" if is_watched else "The first 72 hours of this version"]],
        _exhibit(
            "How it was taken up",
            version_course(subject, "release" if is_watched else "version"),
            seen,
            counted,
            _moved(subject),
        ),
        h.section(aria_labelledby="beside")[
            h.h2("#beside")["Beside the version before"],
            _comparison(subject),
            h.p[_not_told_apart(subject)],
            h.p(".small")[
                "Scans are full ones",
                " of the first 72 hours" if is_watched else "",
                "; approvals are of the newest four weeks of decisions.",
            ],
        ],
        path=path,
        description=claim,
    )


def _comparison(subject: VersionSubject) -> h.Node:
    names = [subject.version] if subject.before is None else [subject.version, subject.before]
    rows = [(f"scan, p{percent}", [_percentile(subject, name, place) for name in names])
            for place, percent in enumerate((50, 95, 99))]  # fmt: skip
    rows += [
        ("full scans", [f"{subject.scans[name][1]:,}" if name in subject.scans else "too few" for name in names]),
        ("approved", [_approved(subject, name) for name in names]),
    ]
    return h.div(".scroll", role="region", tabindex="0", aria_label="Table: beside the version before")[
        h.table[
            h.thead[h.tr[h.th(scope="col")["measure"], (h.th(".number", scope="col")[name] for name in names)]],
            h.tbody[
                (h.tr[h.th(scope="row")[title], (h.td(".number")[cell] for cell in cells)] for title, cells in rows)
            ],
        ]
    ]


def _percentile(subject: VersionSubject, name: str, place: int) -> str:
    return Unit.DURATION.figure(subject.scans[name][0][place]) if name in subject.scans else "too few"


def _approved(subject: VersionSubject, name: str) -> str:
    found = subject.approvals.get(name)
    return "too few" if found is None else f"{Unit.SHARE.figure(found.share)} by {amount(found.voices, 'voice')}"


def _not_told_apart(subject: VersionSubject) -> str | None:
    """Return a sentence where two approvals look different and are not known to be."""
    own, before = subject.approvals.get(subject.version), subject.approvals.get(subject.before or "")
    if own is None or before is None or own.is_apart_from(before):
        return None
    return (
        f"The difference between the approvals of {subject.version} and {subject.before} may be chance: their 95 % "
        "intervals overlap."
    )


def _moved(subject: VersionSubject) -> str:
    """Say what the chart shows, as the days of the version before are not those on its axis."""
    if subject.before is None:
        return "Share of the installations on each day."
    return (
        f"Share of the installations on each day. {subject.before} is drawn as if it had been released on the same day."
    )


def _exhibit(title: str, exhibit: Exhibit, seen: Overview, counted: str, introduction: str = "") -> h.Node:
    return h.section(aria_labelledby=f"{exhibit.name}-title")[
        h.h2(id=f"{exhibit.name}-title")[title],
        h.p[introduction] if introduction else None,
        chart(exhibit, seen.span),
        details(exhibit),
        sources(exhibit, seen.span, counted),
    ]


def missing_page() -> bytes:
    """Return the page that says that nothing is published under an address."""
    return page(
        "Nothing is published under this name",
        h.p["It may be spelled differently, or too few installations have it in common to show it."],
        h.p[h.a(href="/")["All numbers"]],
        path="",
        description="Nothing is published under this name.",
    )
