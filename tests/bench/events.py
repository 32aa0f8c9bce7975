"""Made events that cost the service what real ones do: the mix, the sizes and the variety of Drift's clients."""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

HOURS_BACK = 3

_CATEGORIES = (
    "api", "auth", "security", "errors", "logging", "testing", "data-access", "config", "types", "structural",
    "components", "styling", "accessibility", "documentation", "performance",
)  # fmt: skip
_LANGUAGES = ("typescript", "javascript", "python", "java", "csharp", "php", "go", "rust", "c++", "kotlin")
_METHODS = ("ast", "regex", "hybrid", "semantic")
_ACTIONS = ("approve", "ignore", "create_variant", "dismiss_outlier")
_SIZES = ("small", "medium", "large", "enterprise")
_VERSIONS = ("0.9.1", "0.9.2", "0.9.3", "1.0.0-beta.2")


class MadeEvent(NamedTuple):
    """An event as its columns; ``payload`` is the JSON object of the fields of its type."""

    type: str
    timestamp: str
    installation_id: str
    drift_version: str
    payload: str

    def json(self) -> str:
        return (
            f'{{"type":"{self.type}","timestamp":"{self.timestamp}","installationId":"{self.installation_id}",'
            f'"driftVersion":"{self.drift_version}",{self.payload[1:]}'
        )


class Population(NamedTuple):
    """How many installations send, and how many signatures they know. Every source has the same ones."""

    installations: int = 300_000
    signatures: int = 50_000


POPULATION = Population()


class Signature(NamedTuple):
    """A detector's signature, with the labels that it always has."""

    hash: str
    language: str
    category: str
    detection_method: str


def installation(number: int) -> str:
    """Return the id of an installation."""
    digits = _digits(number, 16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def signature(number: int) -> Signature:
    """Return a signature."""
    return Signature(
        _digits(number, 8),
        _LANGUAGES[number % len(_LANGUAGES)],
        _CATEGORIES[number % len(_CATEGORIES)],
        _METHODS[number % len(_METHODS)],
    )


def _digits(number: int, size: int) -> str:
    return blake2b(number.to_bytes(8), digest_size=size).hexdigest()


class EventSource:
    """Seeded batches. Each comes from one installation, and no two events are the same."""

    def __init__(self, seed: int, population: Population = POPULATION) -> None:
        self._random = random.Random(seed).random
        self._population = population
        self._first_ms = int((datetime.now(UTC).timestamp() - HOURS_BACK * 3600) * 1000)
        self._made = 0

    def batch(self, size: int) -> list[MadeEvent]:
        """Return the events that one installation recorded within a few seconds."""
        sender = installation(int(self._random() * self._population.installations))
        version = self._pick(_VERSIONS)
        moment_ms = self._first_ms + int(self._random() * HOURS_BACK * 3_590_000)
        events = []
        for _ in range(size):
            moment_ms += 1 + int(self._random() * 50)
            name, payload = self._type()
            events.append(MadeEvent(name, _timestamp(moment_ms), sender, version, payload()))
        return events

    def batches(self, size: int, events: int) -> Iterator[list[MadeEvent]]:
        """Return batches until they hold ``events`` events."""
        return (self.batch(size) for _ in range(-(-events // size)))

    def _type(self) -> tuple[str, Callable[[], str]]:
        share = self._random()
        if share < 0.70:
            return "pattern_signature", self._pattern_signature
        if share < 0.85:
            return "user_action", self._user_action
        if share < 0.97:
            return "scan_completion", self._scan_completion
        return "aggregate_stats", self._aggregate_stats

    def _pattern_signature(self) -> str:
        number = int(self._random() * 1_000_000)
        found = signature(int(self._random() * self._population.signatures))
        return (
            f'{{"signatureHash":"{found.hash}","category":"{found.category}",'
            f'"confidence":{number % 101 / 100},"locationCount":{number % 97},"outlierCount":{number % 7},'
            f'"detectionMethod":"{found.detection_method}","language":"{found.language}"}}'
        )

    def _user_action(self) -> str:
        number = int(self._random() * 1_000_000)
        return (
            f'{{"action":"{_ACTIONS[number % 4]}","category":"{_CATEGORIES[number % 15]}",'
            f'"confidenceAtAction":{number % 101 / 100},"hoursSinceDiscovery":{number % 500 - 2},'
            f'"isBulkAction":{"true" if number % 9 == 0 else "false"}}}'
        )

    def _scan_completion(self) -> str:
        self._made += 1
        return (
            f'{{"durationMs":{self._made},"filesScanned":{self._made % 9_973},"newPatternsDiscovered":'
            f'{self._made % 89},"isIncremental":{"true" if self._made % 3 else "false"},"workerCount":4}}'
        )

    def _aggregate_stats(self) -> str:
        number = int(self._random() * 1_000_000)
        return (
            f'{{"totalPatterns":{number % 4_001},"patternsByStatus":{{"discovered":{number % 701},"approved":'
            f'{number % 499},"ignored":{number % 53}}},"patternsByCategory":{{"api":{number % 301},"auth":3}},'
            f'"languages":["{self._pick(_LANGUAGES)}"],"frameworks":["express"],"featuresEnabled":["callgraph"],'
            f'"codebaseSizeTier":"{_SIZES[number % 4]}"}}'
        )

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self._random() * len(choices))]


def _timestamp(moment_ms: int) -> str:
    return _SECONDS[moment_ms // 1000] + f"{moment_ms % 1000:03d}Z"


class _Seconds(dict[int, str]):
    """The text of each second up to its fraction; there are only a few thousand."""

    def __missing__(self, second: int) -> str:
        text = self[second] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return text


_SECONDS = _Seconds()
