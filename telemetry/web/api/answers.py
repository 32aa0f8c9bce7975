"""Answers: from a question and the published numbers to a document. Nothing else is read."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from msgspec import UNSET, UnsetType

from telemetry.catalogue.decisions import ACTIONS
from telemetry.published.judgement import judgement_of
from telemetry.published.reading import ClosedWindow, Number, PublicNumbers
from telemetry.published.scales import percentile_ms
from telemetry.published.series import SERIES, Series
from telemetry.published.thresholds import CategoryThreshold, thresholds
from telemetry.published.voices import effective_voices, interval
from telemetry.published.windows import Period
from telemetry.web.api import documents, questions

PAGE_ROWS_MAX = 1_000
"""Rows of a page."""
WINDOWS_SHOWN = 30
DAYS_MAX = 366
"""Days that durations are taken together from; the last ones if more are asked for."""
_SERIES = {series.name: series for series in SERIES}
_ACTIONS = (*ACTIONS, "other_actions")
_REGULAR = "regular"
_LAST = "9999-12-31"
_DIGITS = 4
_Given = str | UnsetType


def list_series(numbers: PublicNumbers, _question: questions.ListedQuestion) -> documents.SeriesList:
    """Return all series."""
    starts = {period: [window.start for window in numbers.windows(period)] for period in Period}
    rows = [_series_row(series, starts[series.period]) for series in SERIES]
    return documents.SeriesList(complete_up_to=numbers.complete_up_to(), promise=numbers.promise(), rows=rows)


def read_series(numbers: PublicNumbers, question: questions.RowsQuestion, name: str) -> documents.NumberRows:
    """Return a page of a series."""
    series = _SERIES[name]
    labels = _labels(series, question)
    first, last = _range(numbers, series.period, question.first, question.last)
    rows: list[documents.NumberRow] = []
    if labels is not None:
        found = numbers.numbers(
            name, first, last, labels, limit=PAGE_ROWS_MAX + 1, offset=(question.page - 1) * PAGE_ROWS_MAX
        )
        rows = [_number_row(series, number) for number in found]
    return documents.NumberRows(
        complete_up_to=numbers.complete_up_to(), series=name, period=series.period,
        next_page=_next_page(question.page, rows), rows=rows[:PAGE_ROWS_MAX],
    )  # fmt: skip


def read_durations(numbers: PublicNumbers, question: questions.DurationsQuestion) -> documents.DurationRows:
    """Return percentiles of durations over a range of days, by kind and version."""
    complete = numbers.complete_up_to()
    first, last = _range(numbers, Period.DAY, question.first, min(question.last or _LAST, complete or _LAST))
    first = max(first, _days_before(last, DAYS_MAX - 1))
    series, labels = _of_cohort("durations", question.cohort)
    labels |= {name: value for name, value in (("what", question.what), ("version", question.version)) if value}
    buckets: defaultdict[tuple[str, str | None], list[tuple[int, int]]] = defaultdict(list)
    for detail in numbers.details(series, first, last, labels):
        what, version = detail.key[-2:]
        bucket = (int(detail.label[0]), int(detail.value))
        buckets[what, version].append(bucket)
        if not question.version:
            buckets[what, None].append(bucket)
    order = sorted(buckets, key=lambda key: (key[0], key[1] or ""))
    return documents.DurationRows(
        complete_up_to=complete, first_day=first if buckets else None, last_day=last if buckets else None,
        rows=[_duration_row(*key, buckets[key]) for key in order],
    )  # fmt: skip


def read_decisions(numbers: PublicNumbers, question: questions.DecisionsQuestion) -> documents.DecisionRows:
    """Return what was decided in a window."""
    window = _window(numbers, question.window)
    series, labels = _of_cohort("decisions", question.cohort)
    labels |= {"category": question.category} if question.category else {}
    found = numbers.numbers(series, window.start, window.start, labels) if window else ()
    return documents.DecisionRows(**_of(numbers, window), rows=[_decision_row(number) for number in found])


def read_thresholds(numbers: PublicNumbers, question: questions.ThresholdsQuestion) -> documents.ThresholdRows:
    """Return from which confidence on categories are approved as often as is wanted."""
    window = _window(numbers, question.window)
    found = thresholds(numbers.numbers("decisions", window.start, window.start), question.target) if window else []
    rows = [_threshold_row(one) for one in found]
    return documents.ThresholdRows(**_of(numbers, window), target=question.target, rows=rows)


def read_signatures(numbers: PublicNumbers, question: questions.SignaturesQuestion) -> documents.SignatureRows:
    """Return a page of the signatures of a window."""
    window = _window(numbers, question.window)
    labels = {"category": question.category} if question.category else {}
    found: list[Number] = []
    shares: defaultdict[tuple[str, ...], dict[str, dict[str, float]]] = defaultdict(dict)
    if window is not None:
        start, offset = window.start, (question.page - 1) * PAGE_ROWS_MAX
        found = list(numbers.numbers("signatures", start, start, labels, limit=PAGE_ROWS_MAX + 1, offset=offset))
        between = (found[0].key, found[-1].key) if found else None
        for detail in numbers.details("signatures", start, start, labels, between=between) if found else ():
            kind, label = map(str, detail.label)
            shares[detail.key].setdefault(kind, {})[label] = detail.value
    rows = [_signature_row(number, shares.get(number.key, {})) for number in found]
    return documents.SignatureRows(
        **_of(numbers, window), next_page=_next_page(question.page, rows), rows=rows[:PAGE_ROWS_MAX]
    )


def _of_cohort(name: str, cohort: str) -> tuple[str, dict[str, str]]:
    """Return the series that has a cohort's numbers, and the labels that its rows have."""
    return (name, {}) if cohort == _REGULAR else (_SERIES[name].beside, {"cohort": cohort})


def _series_row(series: Series, starts: list[str]) -> documents.SeriesRow:
    first, last = (starts[0], starts[-1]) if starts else (None, None)
    return documents.SeriesRow(
        series.name, series.period, series.meaning, list(series.levels), list(series.amounts), len(starts), first, last
    )


def _labels(series: Series, question: questions.RowsQuestion) -> dict[str, str] | None:
    """Return the labels that rows must have, by level; None if no row can have them."""
    labels: dict[str, str] = {}
    levels = series.levels
    if question.cohort:
        if series.by_cohort:
            labels["cohort"], levels = question.cohort, series.levels[1:]
        elif question.cohort != _REGULAR:
            return None
    parts = question.key.split("/") if question.key else []
    if len(parts) > len(levels):
        return None
    return labels | dict(zip(levels, parts, strict=False))


def _range(numbers: PublicNumbers, period: Period, first: _Given, last: _Given) -> tuple[str, str]:
    """Return the days between which windows begin."""
    end = last or _LAST
    starts = [window.start for window in numbers.windows(period) if window.start <= end]
    return first or (starts[-WINDOWS_SHOWN:] or [end])[0], end


def _days_before(day: str, days: int) -> str:
    return str(date.fromordinal(max(date.fromisoformat(day).toordinal() - days, 1)))


def _window(numbers: PublicNumbers, start: _Given) -> ClosedWindow | None:
    found = [window for window in numbers.windows(Period.FOUR_WEEKS) if start in (UNSET, window.start)]
    return found[-1] if found else None


def _of(numbers: PublicNumbers, window: ClosedWindow | None) -> dict[str, str | None]:
    start, last = (window.start, window.last_day) if window is not None else (None, None)
    return {"complete_up_to": numbers.complete_up_to(), "window_start": start, "last_day": last}


def _next_page(page: int, rows: list[object] | list[documents.NumberRow] | list[documents.SignatureRow]) -> int | None:
    return page + 1 if len(rows) > PAGE_ROWS_MAX and page < questions.PAGES_MAX else None


def _number_row(series: Series, number: Number) -> documents.NumberRow:
    labels = dict(zip(series.levels, number.key, strict=True))
    return documents.NumberRow(number.start, labels, number.installations, dict(number.amounts))


def _duration_row(what: str, version: str | None, buckets: Iterable[tuple[int, int]]) -> documents.DurationRow:
    counts = list(buckets)
    p50, p95, p99 = (_rounded(percentile_ms(counts, percent)) for percent in (50, 95, 99))
    return documents.DurationRow(what, version, sum(count for _, count in counts), p50, p95, p99)


def _decision_row(number: Number) -> documents.DecisionRow:
    category, step = number.key[-2:]
    voices = number.installations
    sums = {name: number.amounts[name] for name in _ACTIONS}
    actions = {name: None if total is None else round(total / voices, _DIGITS) for name, total in sums.items()}
    judgement = judgement_of(voices, number.amounts)
    if judgement is None:
        return documents.DecisionRow(category, step, voices, 0, None, None, None, None, actions)
    effective, mean = effective_voices(*judgement), min(judgement.accepted / judgement.voices, 1.0)
    low, high = interval(mean, effective)
    mean, low, high = (round(one, _DIGITS) for one in (mean, low, high))
    return documents.DecisionRow(
        category, step, voices, judgement.voices, round(effective, 1), mean, low, high, actions
    )


def _threshold_row(found: CategoryThreshold) -> documents.ThresholdRow:
    steps = [documents.StepRow(one.step, one.voices, *map(_rounded, one[2:])) for one in found.steps]
    return documents.ThresholdRow(found.category, found.threshold, found.stopped_at, found.stopped_by, steps)


def _signature_row(number: Number, shares: dict[str, dict[str, float]]) -> documents.SignatureRow:
    category, signature = number.key
    confidence, voices = number.amounts["confidence"], number.installations
    by_kind = {
        kind: {label: round(value / voices, _DIGITS) for label, value in sorted(labels.items())}
        for kind, labels in sorted(shares.items())
    }
    mean = None if confidence is None else round(min(confidence / voices, 1.0), _DIGITS)
    return documents.SignatureRow(category, signature, voices, mean, by_kind)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
