"""Events that the log may hold: those that clients send, and those that the service makes of benchmark reports."""

from telemetry.catalogue.benchmarks import BenchmarkResult
from telemetry.catalogue.event import Event
from telemetry.catalogue.events import KNOWN_EVENTS, KnownEvent

LoggedEvent = KnownEvent | BenchmarkResult
LOGGED_EVENTS: dict[str, type[Event]] = {**KNOWN_EVENTS, BenchmarkResult.type: BenchmarkResult}


def catalogue_version() -> int:
    """Return the version of this catalogue: it grows with each type that is added."""
    return max(logged.since for logged in LOGGED_EVENTS.values())
