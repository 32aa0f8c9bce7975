"""The numbers that the service must reach, and how each follows from what was measured."""

from collections.abc import Callable
from typing import NamedTuple

from tests.bench.results import BesideIngest, Known, Results

SERVICE, NORMAL, NO_FLUSH = "service", "service, NORMAL", "service, no flush"
CEILING, OBVIOUS, PEER = "HTTP ceiling", "obvious way", "Fastify"

Value = Callable[[Results], float | None]


class Target(NamedTuple):
    """A bound on a measure; ``at_least`` says on which side of it one must be."""

    measure: str
    value: Value
    required: float
    stretch: float
    at_least: bool = True

    def verdict(self, value: float) -> str:
        """Return how a measured value compares with the bound."""
        if self._reached(value, self.stretch):
            return "stretch reached"
        return "reached" if self._reached(value, self.required) else "**missed**"

    def _reached(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _of(subject: str, batch: int, connections: int, name: str) -> Value:
    return lambda results: getattr(results.load(subject, batch, connections), name, None)


def _over_load(subject: str, batch: int, connections: int, other: str = SERVICE, name: str = "events_per_s") -> Value:
    part, whole = _of(other, batch, connections, name), _of(subject, batch, connections, name)
    return lambda results: _ratio(part(results), whole(results))


def _over_inserts(batch: int, connections: int) -> Value:
    part = _of(SERVICE, batch, connections, "events_per_s")
    return lambda results: _ratio(
        part(results), getattr(results.insert(indexed=True, in_a_row=batch), "events_per_s", None)
    )


def _flush_share(results: Results) -> float | None:
    without = _over_load(SERVICE, 50, 32, other=NO_FLUSH, name="bytes_per_event")(results)
    return None if without is None else 1 - without


def _paced(name: str) -> Value:
    return lambda results: max((getattr(paced, name).p99_ms for paced in results.paced), default=None)


def _grown(name: str) -> Value:
    def value(results: Results) -> float | None:
        if len(results.growth) < 2:
            return None
        return _ratio(getattr(results.growth[-1].load, name), getattr(results.growth[0].load, name))

    return value


def _rss_peak(results: Results) -> float | None:
    return max((load.rss_peak_mb for load in results.loads if load.subject == SERVICE), default=None)


def _delay_by_sealing(results: Results) -> float | None:
    if results.sealing is None:
        return None
    return results.sealing.meanwhile.ingest.p999_ms - results.sealing.before.ingest.p999_ms


def _replay(results: Results) -> float | None:
    return results.replay.events_per_s if results.replay else None


def _known(value: Callable[[Known], float]) -> Value:
    return lambda results: value(results.known) if results.known else None


def _beside(value: Callable[[BesideIngest], float | None]) -> Value:
    return lambda results: value(results.beside_ingest) if results.beside_ingest else None


def _beside_ratio(name: str) -> Value:
    return _beside(lambda found: readers.ratios.median if (readers := found.of(name)) else None)


TARGETS = (
    Target("events/s at batch 100, 32 connections, over (a)", _over_inserts(100, 32), 0.9, 1.5),
    Target("events/s at batch 50, 32 connections, over (a)", _over_inserts(50, 32), 0.8, 1.3),
    Target("events/s at batch 1, 128 connections, over (a)", _over_inserts(1, 128), 0.3, 0.5),
    Target("events/s at batch 50 over (d)", _over_load(OBVIOUS, 50, 32), 4, 8),
    Target("events/s at batch 1 over (d)", _over_load(OBVIOUS, 1, 128), 5, 8),
    Target("requests/s at batch 1 over (c)", _over_load(CEILING, 1, 128), 0.5, 0.7),
    Target("CPU per event at batch 100, us", _of(SERVICE, 100, 32, "cpu_us_per_event"), 12, 8, False),
    Target("bytes written per event at batch 50", _of(SERVICE, 50, 32, "bytes_per_event"), 1000, 600, False),
    Target("share of the bytes written by flushes", _flush_share, 0.10, 0.05, False),
    Target("flush duration over its interval", _of(SERVICE, 50, 32, "flush_time_share"), 0.10, 0.05, False),
    Target("FULL over NORMAL, events/s at batch 50", _over_load(NORMAL, 50, 32), 0.85, 0.92),
    Target("p99 at half of the maximum, batch 50, open loop, ms", _paced("ingest"), 30, 10, False),
    Target("stats p99 at half of the maximum, ms", _paced("stats"), 15, 5, False),
    Target("peak RSS under full load, MB", _rss_peak, 160, 100, False),
    Target("events/s with 200 reads a second over without", _beside_ratio("read API"), 0.95, 0.98),
    Target("events/s with 200 page views a second over without", _beside_ratio("page views"), 0.95, 0.98),
    Target("first page on one connection, p50, ms", _beside(lambda found: found.first_page.p50_ms), 2, 1, False),
    Target("size of the first page, kB", _beside(lambda found: found.first_page.size_bytes / 1e3), 100, 50, False),
    Target("making the live statistics, ms", _beside(lambda found: found.publish_ms), 10, 3, False),
    Target("events/s with a full segment over an empty one", _grown("events_per_s"), 0.9, 1),
    Target("bytes/event with a full segment over an empty one", _grown("bytes_per_event"), 1.1, 1, False),
    Target(
        "events/s at batch 50 with a population known, over none",
        _known(lambda known: known.load.events_per_s / known.nobody.events_per_s),
        0.9,
        1,
    ),
    Target("the same: bytes written an event", _known(lambda known: known.load.bytes_per_event), 1500, 1000, False),
    Target("the same: CPU per event, us", _known(lambda known: known.load.cpu_us_per_event), 16, 13, False),
    Target(
        "the same: share of the time in flushes", _known(lambda known: known.load.flush_time_share), 0.15, 0.1, False
    ),
    Target(
        "bytes written a request of one event, 35 a second",
        _known(lambda known: known.trickle.bytes_per_request),
        60_000,
        30_000,
        False,
    ),
    Target("publishing live statistics, ms", _known(lambda known: known.trickle.publish_ms), 10, 3, False),
    Target("p99.9 of batches while sealing, less that without, ms", _delay_by_sealing, 50, 10, False),
    Target("replay at start, events/s", _replay, 150_000, 300_000),
)
