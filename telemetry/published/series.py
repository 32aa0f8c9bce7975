"""The series: what is published, one declaration each.

A series has one period and one tree of keys. Every leaf of the tree is a row of the table of the series' name, with the
number of installations and the amounts declared here.
"""

from dataclasses import dataclass

from telemetry.catalogue.decisions import ACTIONS
from telemetry.published.judgement import ACCEPTED, ACCEPTED_SQUARES, JUDGED
from telemetry.published.windows import Period

OTHER_LABEL = "other"
"""The leaf that keys below the threshold and labels that are not shown join."""


@dataclass(frozen=True, slots=True)
class Details:
    """Amounts of a leaf by a further label: a table of its own, with these columns for the label and its value."""

    table: str
    columns: tuple[str, ...]
    value: str
    # PublicLabels with too few installations join the next one towards the middle, not ``other``.
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One series. ``payloads`` are the event types whose fields it reads; older programs read ``payloads_before``.

    With ``exclusive``, an installation is under only one leaf of a window. ``additive`` amounts are sums, which
    ``other`` has too. All other amounts sum one value between 0 and 1 for each installation, and ``other`` has none.
    ``beside`` names the series that has pipelines and agents, by cohort, which this one leaves out.
    """

    name: str
    period: Period
    levels: tuple[str, ...]
    meaning: str
    payloads: frozenset[str] = frozenset()
    payloads_before: frozenset[str] = frozenset()
    exclusive: bool = False
    amounts: tuple[str, ...] = ()
    additive: bool = False
    details: Details | None = None
    beside: str = ""

    @property
    def by_cohort(self) -> bool:
        """Whether the first level has the cohorts."""
        return self.levels[0] == "cohort"

    @property
    def tables(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """The table of the series and that of its details: the columns of the key, and all columns in their order."""
        key = ("window_start", *self.levels)
        found = {self.name: (key, (*key, "installations", *self.amounts))}
        if self.details is not None:
            below = (*key, *self.details.columns)
            found[self.details.table] = (below, (*below, self.details.value))
        return found


_DECISIONS = (*ACTIONS, "other_actions", "approve_squares", JUDGED, ACCEPTED, ACCEPTED_SQUARES)
_DECIDED = frozenset({"user_action"})
_TIMED = frozenset(
    {
        "scan_completion", "scan_completed", "rust.scan.completed", "rust.analysis.completed", "parse_timing",
        "native_calls", "napi.bridge.latency",
    }
)  # fmt: skip
_FOUND = frozenset({"pattern_signature"})
_CODEBASE = frozenset({"aggregate_stats"})
_SEEN = ("cohort", "seen")

SERIES: tuple[Series, ...] = (
    Series("events", Period.DAY, ("type",), "Events by known type.", amounts=("events",), additive=True),
    Series("versions", Period.DAY, ("cohort", "version"), "The newest version of each installation.", exclusive=True),
    Series("activity_daily", Period.DAY, _SEEN, "Installations of a day, new and returning.", exclusive=True),
    Series("activity_weekly", Period.WEEK, _SEEN, "Installations of a week, new and returning.", exclusive=True),
    Series(
        "activity_four_weekly", Period.FOUR_WEEKS, _SEEN, "Installations of four weeks, new and returning.",
        exclusive=True,
    ),
    Series(
        "durations", Period.DAY, ("what", "version"), "How long scans, parses and native calls take, as a histogram.",
        payloads=_TIMED, payloads_before=frozenset({"scan_completion"}), amounts=("observations",), additive=True,
        details=Details("duration_buckets", ("bucket",), "observations", ordered=True), beside="automated_durations",
    ),
    Series(
        "automated_durations", Period.DAY, ("cohort", "what", "version"), "Durations in pipelines and of agents.",
        amounts=("observations",), additive=True,
        details=Details("automated_duration_buckets", ("bucket",), "observations", ordered=True),
    ),
    Series(
        "patterns", Period.WEEK, ("language", "category"), "Where patterns are found.", payloads=_FOUND,
        beside="automated_patterns",
    ),
    Series(
        "automated_patterns", Period.WEEK, ("cohort", "language", "category"),
        "Where patterns are found in pipelines and by agents.",
    ),
    Series(
        "signatures", Period.FOUR_WEEKS, ("category", "signature"), "Pattern signatures.", payloads=_FOUND,
        amounts=("confidence",), details=Details("signature_shares", ("kind", "label"), "share"),
    ),
    Series(
        "decisions", Period.FOUR_WEEKS, ("category", "step"), "Decisions by category and step of confidence.",
        payloads=_DECIDED, amounts=_DECISIONS, beside="automated_decisions",
    ),
    Series(
        "automated_decisions", Period.FOUR_WEEKS, ("cohort", "category", "step"),
        "Decisions of agents and in pipelines.", amounts=_DECISIONS,
    ),
    Series(
        "decisions_by_version", Period.FOUR_WEEKS, ("version",), "Decisions by version.",
        payloads=_DECIDED, amounts=_DECISIONS,
    ),
    Series(
        "decisions_by_bulk", Period.FOUR_WEEKS, ("how",), "Decisions taken in bulk, and one by one.",
        payloads=_DECIDED, amounts=_DECISIONS,
    ),
    Series(
        "size_tiers", Period.FOUR_WEEKS, ("tier",), "Sizes of code bases.", payloads=_CODEBASE, exclusive=True,
    ),
    Series("frameworks", Period.FOUR_WEEKS, ("framework",), "Frameworks of code bases.", payloads=_CODEBASE),
    Series("features", Period.FOUR_WEEKS, ("feature",), "Features that are turned on.", payloads=_CODEBASE),
)  # fmt: skip


def series_of(period: Period) -> list[Series]:
    """Return the series whose windows have this length."""
    return [series for series in SERIES if series.period is period]
