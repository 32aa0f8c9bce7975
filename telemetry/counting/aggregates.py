"""The aggregates: every table that the events add up to. To add a column, add it here and in a migration.

Counting, flushing, erasing, recounting, checking, repairing and exporting follow from these declarations.
"""

from telemetry.catalogue.benchmarks import BenchmarkResult
from telemetry.catalogue.events import PatternSignature, UserAction
from telemetry.catalogue.vocabularies import CATEGORY_SPELLINGS, counted_category
from telemetry.counting.columns import (
    Average,
    Computed,
    Earliest,
    Greatest,
    Incomparable,
    Key,
    Least,
    Newest,
    StoredColumn,
    Sum,
)
from telemetry.counting.declaring import Aggregate, Compact
from telemetry.counting.exact import MILLIONTHS, SQUARE_PARTS, VALUE_PARTS, in_millionths

# The hours are a year.
HOURS_SUMMED_MAX = 8_760
LOCATIONS_SUMMED_MAX = 100_000
CONFIDENCE_HIGH = 0.85
CONFIDENCE_MEDIUM = 0.70


def confidence_bucket(confidence: float) -> str:
    """Return Drift's own name for a range of confidence."""
    if confidence >= CONFIDENCE_HIGH:
        return "high"
    return "medium" if confidence >= CONFIDENCE_MEDIUM else "low"


# Counts of each day: `DayLabels` names the metrics.
DAILY_STATS = Aggregate(
    table="daily_stats",
    noun="daily count",
    columns=(Key("date", kind="day"), Key("metric"), Sum("value")),
    export_name="daily",
    exported=("date", "metric", "value"),
    dated_by="date",
    zero_is_no_row=True,
)

_SIGNATURE_AVERAGES = (
    Average("avg_confidence", "confidence_millionths", MILLIONTHS),
    Average("avg_location_count", "locations"),
    Average("avg_outlier_count", "outliers"),
)

# A signature of format 1 is a hash. One of another format is the name of a rule, or else a hash.
_SIGNATURE = "event.format_version != 1 and event.pattern_id or event.signature_hash"
_FORMAT = "coalesce(payload ->> 'formatVersion', 1)"
_STORED_SIGNATURE = f"coalesce(iif({_FORMAT} = 1, NULL, payload ->> 'patternId'), payload ->> 'signatureHash')"
_SPELLED = " ".join(f"WHEN '{sent}' THEN '{known}'" for sent, known in CATEGORY_SPELLINGS.items())
_CATEGORY = f"CASE payload ->> 'category' {_SPELLED} ELSE payload ->> 'category' END"

# What scans found: one row for each signature with the labels that it was sent with. A client sends one signature for
# several languages.
SIGNATURE_COUNTS = Aggregate(
    table="signature_counts",
    noun="signature by its labels",
    plural="signatures by their labels",
    event=PatternSignature,
    columns=(
        Key("signature_format", of="format_version", kind="integer", sql=_FORMAT),
        Key("signature_hash", expression=_SIGNATURE, sql=_STORED_SIGNATURE),
        Key("language", few=True),
        Key("category", by=counted_category, sql=_CATEGORY, few=True),
        Key("detection_method", few=True),
        Sum("occurrence_count"),
        Sum("confidence_millionths", of="confidence", unit=MILLIONTHS),
        Sum("locations", of="location_count", most=LOCATIONS_SUMMED_MAX),
        Sum("outliers", of="outlier_count", most=LOCATIONS_SUMMED_MAX),
        Earliest("first_seen"),
        Newest("last_seen"),
    ),
    averages=_SIGNATURE_AVERAGES,
    compact=Compact(
        "counted_signatures", "signature_labels", ("language", "category", "detection_method"), "signature_hash"
    ),
    bounded_by_day=True,
    export_name="signature-counts",
    exported=(
        "signature_format", "signature_hash", "language", "category", "detection_method", "first_seen", "last_seen",
        "occurrence_count", "avg_confidence", "avg_location_count", "avg_outlier_count",
    ),
    dated_by="last_seen",
)  # fmt: skip

# A view of the signatures of format 1: one row for each, with the labels that most of its events have.
PATTERN_SIGNATURES = Aggregate(
    table="pattern_signatures",
    noun="signature",
    columns=(
        Key("signature_hash"),
        StoredColumn("category"),
        StoredColumn("detection_method"),
        StoredColumn("language"),
        Sum("occurrence_count"),
        Earliest("first_seen"),
        Newest("last_seen"),
    ),
    averages=_SIGNATURE_AVERAGES,
    export_name="signatures",
    exported=(
        "signature_hash", "category", "detection_method", "language", "first_seen", "last_seen", "occurrence_count",
        "avg_confidence", "avg_location_count", "avg_outlier_count",
    ),
    dated_by="last_seen",
)  # fmt: skip

# What users decide.
ACTION_AGGREGATES = Aggregate(
    table="action_aggregates",
    noun="kind of decisions",
    plural="kinds of decisions",
    event=UserAction,
    columns=(
        Key("category", by=counted_category, sql=_CATEGORY),
        Key("action"),
        Key("confidence_bucket", of="confidence_at_action", by=confidence_bucket),
        Sum("count"),
        Sum("hours", of="hours_since_discovery", least=-HOURS_SUMMED_MAX, most=HOURS_SUMMED_MAX),
        Newest("updated_at"),
        Sum("bulk_count", of="is_bulk_action"),
    ),
    averages=(Average("avg_hours_to_decision", "hours"),),
    bounded=("category", "action"),
    export_name="actions",
    exported=("category", "action", "confidence_bucket", "count", "avg_hours_to_decision", "updated_at", "bulk_count"),
    dated_by="updated_at",
)

# Results of benchmarks. Anyone can send any name, so names that come with the token have a bound of their own.
BENCHMARK_RESULTS = Aggregate(
    table="benchmark_results",
    noun="kind of benchmark results",
    plural="kinds of benchmark results",
    event=BenchmarkResult,
    columns=(
        Key("tool"),
        Key("version", of="drift_version"),
        Key("corpus"),
        Key("level"),
        Key("category"),
        Key("source"),
        Sum("count"),
        *(Sum(f"value_{number}", of="value", by=part) for number, part in enumerate(VALUE_PARTS)),
        *(Sum(f"square_{number}", of="value", by=part) for number, part in enumerate(SQUARE_PARTS)),
        Least("least", of="value", by=in_millionths),
        Greatest("greatest", of="value", by=in_millionths),
        Earliest("first_seen"),
        Newest("last_seen"),
    ),
    computed=(Computed("mean"), Computed("minimum"), Computed("maximum")),
    bounded=("tool", "version", "corpus", "level", "category", "source"),
    bounded_apart="source",
    names_max=10_000,
    export_name="benchmarks",
    exported=(
        "tool", "version", "corpus", "level", "category", "source", "count", "mean", "minimum", "maximum", "first_seen",
        "last_seen",
    ),
    dated_by="last_seen",
)  # fmt: skip

# Who was seen when. Flushes keep it by themselves, because it decides which installations are new on a day.
INSTALLATIONS = Aggregate(
    table="installations",
    noun="installation",
    columns=(
        Key("installation_id"),
        Earliest("first_seen", kind="day"),
        Newest("last_seen", kind="day"),
        # Its bits depend on the order in which days far apart were reached.
        Incomparable("days_seen", kind="integer"),
    ),
    export_name="installations",
    exported=("installation_id", "first_seen", "last_seen"),
    dated_by="last_seen",
    # `check` and `repair` print no ids of installations.
    shown=False,
)

# How many installations were last seen on each day: triggers of the database count the table `installations`.
LAST_SEEN_DAYS = Aggregate(
    table="last_seen_days",
    noun="day's count of installations",
    plural="days' counts of installations",
    columns=(Key("last_seen", kind="day"), Sum("installations")),
    export_name="last-seen",
    exported=("last_seen", "installations"),
    dated_by="last_seen",
    zero_is_no_row=True,
)

AGGREGATES = (DAILY_STATS, SIGNATURE_COUNTS, ACTION_AGGREGATES, BENCHMARK_RESULTS, INSTALLATIONS, LAST_SEEN_DAYS)
# What `telemetry export` writes, beside events.
EXPORTED = (PATTERN_SIGNATURES, *AGGREGATES)
# Those whose rows are counted from the events of one type.
COUNTED = tuple(aggregate for aggregate in AGGREGATES if aggregate.event is not None)
# Aggregates with a bound on their names, and those with a bound on new rows a day.
BOUNDED = tuple(aggregate for aggregate in COUNTED if aggregate.bounded)
BOUNDED_BY_DAY = tuple(aggregate for aggregate in COUNTED if aggregate.bounded_by_day)
