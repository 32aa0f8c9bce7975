"""Documents: what the read API answers, as one struct each. Rows are in a stable order."""

from typing import Annotated

from msgspec import Meta, Struct

from telemetry.published.benchmarks import BenchmarkRow

_Day = Annotated[str, Meta(description="A UTC day.", extra_json_schema={"format": "date"})]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0)]


class Publication(Struct, frozen=True, kw_only=True):
    """What an answer is from. ``complete_up_to`` is the last closed day, null before the first."""

    complete_up_to: _Day | None


class SeriesRow(Struct, frozen=True):
    """A series: how long its windows are, by what its rows are told apart, and which amounts they have."""

    name: str
    period: str
    meaning: str
    levels: list[str]
    amounts: list[str]
    windows: _Count
    first_window: _Day | None
    last_window: _Day | None


class SeriesList(Publication, frozen=True, kw_only=True):
    """All series."""

    promise: str
    rows: list[SeriesRow]


class NumberRow(Struct, frozen=True):
    """A number of a window. Amounts are sums; they are null under ``other`` where these would tell of few."""

    window_start: _Day
    labels: dict[str, str]
    installations: _Count
    amounts: dict[str, float | None]


class NumberRows(Publication, frozen=True, kw_only=True):
    """Numbers of a series, ordered by window and labels. ``next_page`` is null on the last page."""

    series: str
    period: str
    next_page: Annotated[int, Meta(ge=2)] | None
    rows: list[NumberRow]


class DurationRow(Struct, frozen=True):
    """How long one kind took, within 5 %; ``version`` is null in the row for all versions.

    Kinds are ``scan``, ``incremental_scan``, ``parse:<language>`` (a file), ``native:<function>`` (a call),
    ``bridge:<function>`` (a call), ``rust:scan`` and ``rust:analysis``.
    """

    what: str
    version: str | None
    observations: _Count
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class DurationRows(Publication, frozen=True, kw_only=True):
    """Durations from the first day to the last; at most 20 of an installation, day and kind are in them."""

    first_day: _Day | None
    last_day: _Day | None
    rows: list[DurationRow]


class OfWindow(Publication, frozen=True, kw_only=True):
    """An answer from one window; its days are null if there is none."""

    window_start: _Day | None
    last_day: _Day | None


class DecisionRow(Struct, frozen=True):
    """Decisions at a step of confidence, which is named by its least value. One installation has one voice.

    ``judging_voices`` accepted (``approve``, ``fix``, ``escalate``) or rejected something. ``effective_voices`` is how
    many yes-or-no voices say as much. ``approval`` is the share that they accepted, and lies between ``approval_low``
    and ``approval_high`` with 95 %. It is null where too few judged, and under ``other``. ``actions`` are shares of all
    decisions, and null under ``other``.
    """

    category: str
    step: str
    voices: _Count
    judging_voices: _Count
    effective_voices: float | None
    approval: _Share | None
    approval_low: _Share | None
    approval_high: _Share | None
    actions: dict[str, float | None]


class DecisionRows(OfWindow, frozen=True, kw_only=True):
    """Decisions by category and step of confidence."""

    rows: list[DecisionRow]


class StepRow(Struct, frozen=True):
    """The approval at a step; ``lower_bound`` is one-sided, 95 %. Both are null where there are fewer than 20 voices.

    ``voices`` are installations that accepted or rejected something; ``effective_voices`` is how many yes-or-no voices
    say as much.
    """

    step: str
    voices: _Count
    effective_voices: float | None
    approval: _Share | None
    lower_bound: _Share | None


class ThresholdRow(Struct, frozen=True):
    """The least confidence from which on approval reaches the target, or null; and the steps that led there."""

    category: str
    threshold: _Share | None
    stopped_at: str | None
    stopped_by: str | None
    steps: list[StepRow]


class ThresholdRows(OfWindow, frozen=True, kw_only=True):
    """Thresholds by category. They are advice: people judge only what they are shown."""

    target: _Share
    rows: list[ThresholdRow]


class SignatureRow(Struct, frozen=True):
    """A pattern's signature. ``confidence`` is an average, ``shares`` are by kind and label."""

    category: str
    signature: str
    installations: _Count
    confidence: _Share | None
    shares: dict[str, dict[str, float]]


class SignatureRows(OfWindow, frozen=True, kw_only=True):
    """Signatures by category. ``next_page`` is null on the last page."""

    next_page: Annotated[int, Meta(ge=2)] | None
    rows: list[SignatureRow]


class BenchmarkRows(Struct, frozen=True):
    """Results of benchmarks by tool, corpus, level, category and version. ``next_page`` is null on the last page."""

    next_page: Annotated[int, Meta(ge=2)] | None
    rows: list[BenchmarkRow]
