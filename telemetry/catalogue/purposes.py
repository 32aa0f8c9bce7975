"""Purposes: what every field of every event is for, who uses it, which public series it is in, and until when.

The privacy page and the data dictionary are made from these. A test ensures that no field is left out.
"""

from datetime import date

from telemetry.catalogue.native_purposes import OF_NATIVE_TYPE
from telemetry.catalogue.purpose import DETECTION, PERFORMANCE, PRODUCT, RELEASES, Purpose

_ACTIVITY = ("activity_daily", "activity_weekly", "activity_four_weekly")
_BENCHMARKS = ("benchmarks",)
_DECISIONS = ("decisions", "automated_decisions")
_DECIDED = (*_DECISIONS, "decisions_by_version", "decisions_by_bulk")
_PATTERNS = ("patterns", "automated_patterns", "signatures")
_AUTOMATED = ("automated_durations", "automated_patterns", "automated_decisions")

OF_EVERY_EVENT: dict[str, Purpose] = {
    "type": Purpose("Tells which event it is.", RELEASES, ("events",)),
    "timestamp": Purpose("Orders events and finds those that were sent twice.", RELEASES),
    "installationId": Purpose(
        "Counts each installation once. The client makes it at random; any other id is stored as a keyed hash.",
        RELEASES, _ACTIVITY,
    ),
    "driftVersion": Purpose(
        "Shows which versions are in use, and sets builds from source apart.",
        RELEASES, ("versions", "durations", "automated_durations", "decisions_by_version"),
    ),
    "context": Purpose(
        "Tells pipelines and agents from people. Optional.", RELEASES, ("versions", *_ACTIVITY, *_AUTOMATED)
    ),
    "platform": Purpose("Shows which platforms to build for. Optional.", RELEASES),
}  # fmt: skip

OF_TYPE: dict[str, dict[str, Purpose]] = {
    "pattern_signature": {
        "signatureHash": Purpose("Finds the same pattern in many projects; never code.", DETECTION, ("signatures",)),
        "category": Purpose("Groups patterns by what they are about.", DETECTION, _PATTERNS),
        "confidence": Purpose("Shows how sure the detector was.", DETECTION, ("signatures",)),
        "locationCount": Purpose("Shows how often the pattern occurs in a project.", DETECTION, ("signatures",)),
        "outlierCount": Purpose("Shows how often code departs from the pattern.", DETECTION, ("signatures",)),
        "detectionMethod": Purpose("Compares the methods of detection.", DETECTION, ("signatures",)),
        "language": Purpose("Shows in which languages patterns are found.", DETECTION, _PATTERNS),
        "formatVersion": Purpose("Keeps signatures that are made differently apart.", DETECTION, ("signatures",)),
        "patternId": Purpose("Finds the same rule in many projects.", DETECTION, ("signatures",)),
        "subcategory": Purpose("Groups rules within a category.", DETECTION),
        "fileSpread": Purpose("Shows in how many files a pattern occurs.", DETECTION, ("signatures",)),
        "confidenceMean": Purpose("Shows how sure the detector was of all places.", DETECTION, ("signatures",)),
        "confidenceStddev": Purpose("Shows how much that differs between places.", DETECTION, ("signatures",)),
        "tier": Purpose("Shows how well established a pattern is.", DETECTION, ("signatures",)),
        "momentum": Purpose("Shows whether a pattern spreads.", DETECTION, ("signatures",)),
    },
    "aggregate_stats": {
        "totalPatterns": Purpose("Shows how many patterns a code base has.", PRODUCT),
        "patternsByStatus": Purpose("Shows how many patterns were looked at.", PRODUCT),
        "patternsByCategory": Purpose("Shows which categories matter in a code base.", DETECTION),
        "languages": Purpose("Shows which languages to support.", PRODUCT),
        "frameworks": Purpose("Shows which frameworks to support.", PRODUCT, ("frameworks",)),
        "featuresEnabled": Purpose("Shows which features are used.", PRODUCT, ("features",)),
        "codebaseSizeTier": Purpose("Shows for which sizes of code bases to build.", PRODUCT, ("size_tiers",)),
    },
    "user_action": {
        "action": Purpose("Shows what users decide about a pattern.", DETECTION, _DECIDED),
        "category": Purpose("Shows for which categories detection is right.", DETECTION, _DECISIONS),
        "confidenceAtAction": Purpose("Shows whether confidence is right.", DETECTION, _DECISIONS),
        "hoursSinceDiscovery": Purpose("Shows how long a decision takes.", PRODUCT),
        "isBulkAction": Purpose("Sets decisions about many patterns at once apart.", DETECTION, ("decisions_by_bulk",)),
        "reason": Purpose("Shows why a finding was dismissed.", DETECTION),
    },
    "scan_completion": {
        "durationMs": Purpose("Shows how long scans take.", PERFORMANCE, ("durations", "automated_durations")),
        "filesScanned": Purpose("Relates the duration to the work.", PERFORMANCE),
        "newPatternsDiscovered": Purpose("Shows whether a scan finds anything new.", DETECTION),
        "isIncremental": Purpose("Sets incremental scans apart.", PERFORMANCE, ("durations", "automated_durations")),
        "workerCount": Purpose("Relates the duration to the machine.", PERFORMANCE),
    },
    **OF_NATIVE_TYPE,
    "benchmark-result": {
        "tool": Purpose("Compares tools.", DETECTION, _BENCHMARKS),
        "corpus": Purpose("Compares results about the same code.", DETECTION, _BENCHMARKS),
        "level": Purpose("Names the part of the tool that was measured.", DETECTION, _BENCHMARKS),
        "category": Purpose("Names the number that was measured there.", DETECTION, _BENCHMARKS),
        "value": Purpose("Shows whether a release is better or faster than the one before.", PERFORMANCE, _BENCHMARKS),
        "source": Purpose("Tells the operator's results from those that anyone may have sent.", RELEASES),
    },
}  # fmt: skip


def purposes_of(event_type: str) -> dict[str, Purpose]:
    """Return what the fields of a known event are for, by their names on the wire."""
    return OF_EVERY_EVENT | OF_TYPE[event_type]


# The first four types have been in use for a year. The types of version 2 are reviewed soon after its release.
_REVIEW_V1, _REVIEW_V2 = date(2027, 12, 1), date(2027, 6, 1)
REVIEWS: dict[str, date] = {kind: _REVIEW_V2 if kind in OF_NATIVE_TYPE else _REVIEW_V1 for kind in OF_TYPE}
"""The day by which the owners of a type's fields decide whether it is still needed; they then set the next day here."""


def reviews_due(today: date) -> dict[str, date]:
    """Return the types whose review is overdue, with the day on which it was due."""
    return {kind: day for kind, day in REVIEWS.items() if day < today}
