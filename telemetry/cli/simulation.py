"""Simulated traffic: installations that come, work on weekdays, upgrade and leave; the same for the same seed.

Everything is drawn from seeded generators, one for the population and one for each day, so that a day is the same
whether the days before it were asked for or not.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from telemetry.catalogue.installations import UNKNOWN_INSTALLATION
from telemetry.clock import iso_milliseconds

SECONDS_PER_DAY = 86_400
_SATURDAY = 5
_RELEASE_EVERY_DAYS = 9
_RELEASES_BEFORE = 4
_UNKNOWN_SHARE = 0.01
_TRYING_SHARE = 0.4
_BULK_SHARE = 0.1
_INCREMENTAL_SHARE = 0.8
_SIGNATURES_PER_INSTALLATION = 4
_FINDINGS_MAX = 30

# The more common come first: see _skewed.
_LANGUAGES = (
    "typescript", "python", "javascript", "java", "csharp", "go", "php", "rust", "cpp", "kotlin", "ruby", "c#", "c++",
)  # fmt: skip
_CATEGORIES = (
    "api", "errors", "structural", "testing", "data-access", "types", "auth", "logging", "components", "config",
    "security", "styling", "documentation", "performance", "accessibility",
)  # fmt: skip
_METHODS = ("ast", "hybrid", "regex", "semantic")
_ACTIONS = ("approve", "ignore", "dismiss_outlier", "create_variant")
_FRAMEWORKS = ("react", "express", "django", "spring", "next.js", "fastapi", "laravel", "dotnet")
_FEATURES = ("callgraph", "watch", "ci", "boundaries")
_TIERS = ((500, "small"), (5_000, "medium"), (50_000, "large"))

_Choice = TypeVar("_Choice")

SentFields = dict[str, Any]
"""An event as a client sends it."""


class Signature(NamedTuple):
    """A code pattern that recurs in many code bases."""

    hash: str
    category: str
    method: str
    language: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Installation:
    """One user's Drift. Days are counted from the first simulated one."""

    id: str
    first_day: int
    last_day: int
    sessions_per_day: float
    weekend_share: float
    hour: float
    upgrade_lag_days: int
    files: int
    languages: tuple[str, ...]
    signatures: tuple[Signature, ...]


class Session(NamedTuple):
    """What one installation submits at ``second`` of a day: the seconds before then, and the fields, of each event."""

    second: int
    installation_id: str
    version: str
    recorded: list[tuple[float, str, SentFields]]

    def events(self, submitted_at: float) -> list[SentFields]:
        """Return the events as a client sends them at a time in Unix seconds."""
        return [
            {
                "type": kind,
                "timestamp": iso_milliseconds(submitted_at - before),
                "installationId": self.installation_id,
                "driftVersion": self.version,
                **fields,
            }
            for before, kind, fields in self.recorded
        ]


class Simulation:
    """The traffic of ``days`` days that end with ``last_day``."""

    def __init__(self, *, installations: int, days: int, seed: int, last_day: date) -> None:
        self._seed = seed
        self._first_day = last_day - timedelta(days=days - 1)
        self.days = [self._first_day + timedelta(days=number) for number in range(days)]
        chosen = random.Random(f"{seed}/population")
        signatures = _signatures(chosen, max(installations * _SIGNATURES_PER_INSTALLATION, 50))
        self._installations = [_installation(chosen, signatures, days) for _ in range(installations)]

    def sessions(self, day: date) -> list[Session]:
        """Return what is submitted on a day, in order."""
        chosen = random.Random(f"{self._seed}/{day.toordinal()}")
        number = (day - self._first_day).days
        weekend = day.weekday() >= _SATURDAY
        found = [
            session
            for installation in self._installations
            if installation.first_day <= number <= installation.last_day
            for session in _sessions(chosen, installation, number, weekend=weekend)
        ]
        return sorted(found, key=lambda session: session.second)


def _signatures(chosen: random.Random, count: int) -> dict[str, list[Signature]]:
    by_language: dict[str, list[Signature]] = {language: [] for language in _LANGUAGES}
    for _ in range(count):
        language = _skewed(chosen, _LANGUAGES)
        category, method = _skewed(chosen, _CATEGORIES), _skewed(chosen, _METHODS)
        confidence = round(chosen.betavariate(6, 2), 2)
        by_language[language].append(
            Signature(f"{chosen.getrandbits(64):016x}", category, method, language, confidence)
        )
    return {language: found for language, found in by_language.items() if found}


def _installation(chosen: random.Random, signatures: dict[str, list[Signature]], days: int) -> Installation:
    # Half were there before the first day; many try it for a few days, some stay for good.
    first_day = chosen.randrange(-days, days)
    lifetime = (
        int(chosen.expovariate(1 / 5)) if chosen.random() < _TRYING_SHARE else int(chosen.expovariate(1 / 120)) + 7
    )
    languages = sorted({_skewed(chosen, list(signatures)) for _ in range(chosen.choice((1, 1, 2, 3)))})
    codebase = (_skewed(chosen, signatures[chosen.choice(languages)]) for _ in range(chosen.randint(10, 60)))
    return Installation(
        id=UNKNOWN_INSTALLATION
        if chosen.random() < _UNKNOWN_SHARE
        else str(UUID(int=chosen.getrandbits(128), version=4)),
        first_day=first_day,
        last_day=first_day + lifetime,
        sessions_per_day=min(chosen.lognormvariate(-0.4, 0.8), 8),
        weekend_share=chosen.choice((0.05, 0.15, 0.3, 0.9)),
        hour=chosen.gauss(14, 5) % 24,
        upgrade_lag_days=int(chosen.expovariate(1 / 8)),
        files=int(min(chosen.lognormvariate(6.5, 1.3), 200_000)) + 5,
        languages=tuple(languages),
        signatures=tuple(codebase),
    )


def _sessions(chosen: random.Random, installation: Installation, day: int, *, weekend: bool) -> Iterator[Session]:
    expected = installation.sessions_per_day * (installation.weekend_share if weekend else 1)
    version = _version(day - installation.upgrade_lag_days)
    first = True
    # The first day always has a session: that is how an installation comes to be.
    while (first and day == installation.first_day) or chosen.random() < expected / (1 + expected):
        second = int(chosen.gauss(installation.hour, 2.5) * 3_600) % SECONDS_PER_DAY
        yield Session(second, installation.id, version, _recorded(chosen, installation, first=first))
        first = False


def _recorded(chosen: random.Random, installation: Installation, *, first: bool) -> list[tuple[float, str, SentFields]]:
    findings = min(int(chosen.expovariate(1 / 5)) + 1, _FINDINGS_MAX)
    seen = [_skewed(chosen, installation.signatures) for _ in range(findings)]
    events = [("scan_completion", _scan(chosen, installation, findings))]
    events += [("pattern_signature", _finding(chosen, signature)) for signature in seen]
    events += [("user_action", _decision(chosen, chosen.choice(seen))) for _ in range(int(chosen.expovariate(1 / 1.2)))]
    if first:
        events.append(("aggregate_stats", _make_up(chosen, installation)))
    # A queue is submitted some seconds after the last of its events.
    before = chosen.uniform(0.5, 5) + len(events) * 0.2
    recorded = []
    for kind, fields in events:
        recorded.append((before, kind, fields))
        before -= chosen.uniform(0.01, 0.19)
    return recorded


def _finding(chosen: random.Random, signature: Signature) -> SentFields:
    return {
        "signatureHash": signature.hash,
        "category": signature.category,
        "confidence": round(min(max(chosen.gauss(signature.confidence, 0.03), 0), 1), 2),
        "locationCount": int(chosen.expovariate(1 / 12)) + 1,
        "outlierCount": int(chosen.expovariate(1 / 1.5)),
        "detectionMethod": signature.method,
        "language": signature.language,
    }


def _decision(chosen: random.Random, signature: Signature) -> SentFields:
    return {
        "action": _skewed(chosen, _ACTIONS),
        "category": signature.category,
        "confidenceAtAction": signature.confidence,
        "hoursSinceDiscovery": int(chosen.expovariate(1 / 30)),
        "isBulkAction": chosen.random() < _BULK_SHARE,
    }


def _scan(chosen: random.Random, installation: Installation, findings: int) -> SentFields:
    incremental = chosen.random() < _INCREMENTAL_SHARE
    files = max(int(installation.files * (chosen.uniform(0, 0.1) if incremental else 1)), 1)
    return {
        "durationMs": int(files * chosen.uniform(1.5, 6)) + 40,
        "filesScanned": files,
        "newPatternsDiscovered": int(findings * chosen.random()),
        "isIncremental": incremental,
        "workerCount": chosen.choice((2, 4, 4, 8, 16)),
    }


def _make_up(chosen: random.Random, installation: Installation) -> SentFields:
    categories = sorted({signature.category for signature in installation.signatures})
    by_category = {category: int(chosen.expovariate(1 / 20)) + 1 for category in categories}
    total = sum(by_category.values())
    approved, ignored = int(total * chosen.uniform(0, 0.5)), int(total * chosen.uniform(0, 0.2))
    return {
        "totalPatterns": total,
        "patternsByStatus": {"discovered": total - approved - ignored, "approved": approved, "ignored": ignored},
        "patternsByCategory": by_category,
        "languages": list(installation.languages),
        "frameworks": sorted({_skewed(chosen, _FRAMEWORKS) for _ in range(2)}),
        "featuresEnabled": sorted({_skewed(chosen, _FEATURES) for _ in range(2)}),
        "codebaseSizeTier": next((tier for files, tier in _TIERS if installation.files < files), "enterprise"),
    }


def _version(day: int) -> str:
    """Return the newest version on a day; a new one is released every nine days."""
    release = max(day // _RELEASE_EVERY_DAYS + _RELEASES_BEFORE, 0)
    return f"0.{8 + release // 4}.{release % 4}"


def _skewed(chosen: random.Random, choices: Sequence[_Choice]) -> _Choice:
    """Draw one of several, the n-th about 1/n times as often as the first."""
    return choices[int((len(choices) + 1) ** chosen.random()) - 1]
