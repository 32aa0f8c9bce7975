"""Sessions: what an installation records when somebody works with it, and submits at once."""

import math
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from telemetry.cli.simulation.code_patterns import Pattern, approval
from telemetry.cli.simulation.draws import skewed
from telemetry.cli.simulation.population import PIPELINES, Installation, Use
from telemetry.cli.simulation.releases import Release
from telemetry.clock import iso_milliseconds

SECONDS_PER_DAY = 86_400
_INCREMENTAL_SHARE = 0.8
_BULK_SHARE = 0.03
_FINDINGS_MAX = 30
_DECISIONS_MAX = 15
# With the findings, a batch stays within what the service takes.
_BULK_DECISIONS = (10, 50)
# The actions that accept a finding and those that reject it, of each version of the tool; the more frequent come first.
_FIRST_ACTIONS = (("approve",), ("ignore", "dismiss_outlier", "create_variant"))
_SECOND_ACTIONS = (("fix", "escalate"), ("dismiss", "suppress"))
_REASONS = ("false_positive", "wont_fix", "not_applicable", "duplicate")
_MS_PER_FILE = 2.2
_MS_TO_START = 60
_DURATION_SIGMA = 0.45
_FRAMEWORKS = ("react", "express", "django", "spring", "next.js", "fastapi", "laravel", "dotnet")
_FEATURES = ("callgraph", "watch", "boundaries")
_TIERS = ((500, "small"), (5_000, "medium"), (50_000, "large"))

SentFields = dict[str, Any]


class Session(NamedTuple):
    """What one installation submits at ``second`` of a day: the seconds before then, and the fields, of each event."""

    second: int
    installation_id: str
    version: str
    context: str | None
    recorded: list[tuple[float, str, SentFields]]

    def events(self, submitted_at: float) -> list[SentFields]:
        """Return the events as a client sends them at a time in Unix seconds."""
        context = {"context": self.context} if self.context else {}
        return [
            {
                "type": kind,
                "timestamp": iso_milliseconds(submitted_at - before),
                "installationId": self.installation_id,
                "driftVersion": self.version,
                **context,
                **fields,
            }
            for before, kind, fields in self.recorded
        ]


def sessions_of(
    chosen: random.Random, installation: Installation, release: Release, *, is_first_day: bool, weekend: bool
) -> Iterator[Session]:
    """Return the sessions of an installation on a day, in no order."""
    expected = installation.sessions_per_day * (installation.weekend_share if weekend else 1)
    if installation.use in {Use.ONCE, Use.PIPELINE}:
        expected *= 0.2
    first = True
    # The first day always has a session: that is how an installation comes to be.
    while (first and is_first_day) or chosen.random() < expected / (1 + expected):
        second = int(chosen.gauss(installation.hour, 2.5) * 3_600) % SECONDS_PER_DAY
        recorded = _recorded(chosen, installation, release, first=first)
        yield Session(second, installation.id, release.version, installation.context, recorded)
        first = False


def _recorded(
    chosen: random.Random, installation: Installation, release: Release, *, first: bool
) -> list[tuple[float, str, SentFields]]:
    findings = min(int(chosen.expovariate(1 / 5)) + 1, _FINDINGS_MAX)
    seen = [skewed(chosen, installation.patterns) for _ in range(findings)]
    events = [("scan_completion", _scan(chosen, installation, release, findings))]
    events += [("pattern_signature", _finding(chosen, installation, pattern)) for pattern in seen]
    events += [("user_action", decision) for decision in _decisions(chosen, installation, seen)]
    if first and installation.use not in PIPELINES:
        events.append(("aggregate_stats", _make_up(chosen, installation)))
    # A queue is submitted some seconds after the last of its events.
    before = chosen.uniform(0.5, 5) + len(events) * 0.2
    recorded = []
    for kind, fields in events:
        recorded.append((before, kind, fields))
        before -= chosen.uniform(0.01, 0.19)
    return recorded


def _finding(chosen: random.Random, installation: Installation, pattern: Pattern) -> SentFields:
    return {
        "signatureHash": pattern.detector.signature,
        "category": pattern.detector.category,
        "confidence": pattern.confidence,
        "locationCount": int(chosen.expovariate(1 / 12)) + 1,
        "outlierCount": int(chosen.expovariate(1 / 1.5)),
        "detectionMethod": pattern.detector.method,
        "language": skewed(chosen, installation.extensions),
    }


def _decisions(chosen: random.Random, installation: Installation, seen: list[Pattern]) -> Iterator[SentFields]:
    if not installation.decisions:
        return
    if chosen.random() < _BULK_SHARE:
        # One decision on many patterns at once.
        action = _action(chosen, installation, chosen.choice(seen))
        for _ in range(chosen.randint(*_BULK_DECISIONS)):
            yield _decision(chosen, skewed(chosen, installation.patterns), action, bulk=True)
        return
    for _ in range(min(int(chosen.expovariate(1 / installation.decisions)), _DECISIONS_MAX)):
        pattern = chosen.choice(seen)
        yield _decision(chosen, pattern, _action(chosen, installation, pattern), bulk=False)


def _action(chosen: random.Random, installation: Installation, pattern: Pattern) -> SentFields:
    approves = approval(pattern.detector.category, pattern.confidence) + installation.leaning
    accepting, rejecting = _SECOND_ACTIONS if installation.has_second_actions else _FIRST_ACTIONS
    action = skewed(chosen, accepting if chosen.random() < approves else rejecting)
    return {"action": action, "reason": skewed(chosen, _REASONS)} if action == "dismiss" else {"action": action}


def _decision(chosen: random.Random, pattern: Pattern, action: SentFields, *, bulk: bool) -> SentFields:
    return {
        **action,
        "category": pattern.detector.category,
        "confidenceAtAction": pattern.confidence,
        "hoursSinceDiscovery": int(chosen.expovariate(1 / 30)),
        "isBulkAction": bulk,
    }


def _scan(chosen: random.Random, installation: Installation, release: Release, findings: int) -> SentFields:
    incremental = installation.use not in PIPELINES and chosen.random() < _INCREMENTAL_SHARE
    files = max(int(installation.files * (chosen.uniform(0, 0.1) if incremental else 1)), 1)
    median_ms = (_MS_TO_START + files * _MS_PER_FILE) * installation.slowness * release.slowness
    return {
        "durationMs": int(chosen.lognormvariate(math.log(median_ms), _DURATION_SIGMA)) + 1,
        "filesScanned": files,
        "newPatternsDiscovered": int(findings * chosen.random()),
        "isIncremental": incremental,
        "workerCount": 2 if installation.use in PIPELINES else chosen.choice((2, 4, 4, 8, 16)),
    }


def _make_up(chosen: random.Random, installation: Installation) -> SentFields:
    categories = sorted({pattern.detector.category for pattern in installation.patterns})
    by_category = {category: int(chosen.expovariate(1 / 20)) + 1 for category in categories}
    total = sum(by_category.values())
    approved, ignored = int(total * chosen.uniform(0, 0.5)), int(total * chosen.uniform(0, 0.2))
    return {
        "totalPatterns": total,
        "patternsByStatus": {"discovered": total - approved - ignored, "approved": approved, "ignored": ignored},
        "patternsByCategory": by_category,
        "languages": list(installation.extensions),
        "frameworks": sorted({skewed(chosen, _FRAMEWORKS) for _ in range(2)}),
        "featuresEnabled": sorted({skewed(chosen, _FEATURES) for _ in range(2)}),
        "codebaseSizeTier": next((tier for files, tier in _TIERS if installation.files < files), "enterprise"),
    }
