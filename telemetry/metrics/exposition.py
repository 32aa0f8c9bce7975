"""The metrics: a closed set of numbers, read from where they are kept only when somebody asks."""

import platform
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from telemetry import __version__
from telemetry.errors import ErrorCode, RejectionCode
from telemetry.forwarding.state import ForwardingState
from telemetry.intake.ledger import LargeBatch
from telemetry.metrics.families import METRIC_PREFIX, counter, counters, gauge, gauges, histogram
from telemetry.metrics.sources import Sources
from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.file_sizes import measure
from telemetry.storage.maintenance.last_backup import last_backup

_FAILURES = (ErrorCode.BUSY, ErrorCode.STORAGE_FULL, ErrorCode.STORAGE_ERROR, ErrorCode.CLOCK)


def exposition(sources: Sources) -> Callable[[], bytes]:
    """Return what renders the metrics of a service, and the standard ones of its process, as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(ServiceCollector(sources))
    ProcessCollector(registry=registry)
    return partial(generate_latest, registry)


class ServiceCollector(Collector):
    """Reads the service's own metrics from their sources. No event and no request ever waits for it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterable[Metric]:
        """Yield every metric, always the same ones in the same order."""
        yield from self._requests()
        yield from self._events()
        yield from self._commits()
        yield from self._flushes()
        yield from self._memory()
        yield from self._files()
        yield from self._upkeep()
        yield from self._forwarding()
        yield from self._recovery()
        yield from self._health()

    def _requests(self) -> Iterable[Metric]:
        ledger = self._sources.ledger
        yield counters(
            "requests", "Requests answered, by path (`other` where no route matches) and status.", ("path", "status"),
            {(path, str(status)): count for (path, status), count in ledger.requests.items()},
        )  # fmt: skip
        yield counters(
            "requests_refused", "Requests refused whole, by error code.", ("code",),
            {(code,): ledger.refused[code] for code in ErrorCode},
        )  # fmt: skip
        yield counters(
            "large_batches",
            "Batches above `batch_events_max`: `deferred` (refused until the body comes again), `taken` or `refused`.",
            ("outcome",),
            {(outcome,): ledger.large_batches[outcome] for outcome in LargeBatch},
        )

    def _events(self) -> Iterable[Metric]:
        ledger = self._sources.ledger
        yield counter("events_received", "Events of the batches that could be decoded.", ledger.received)
        yield counters(
            "events",
            "Events by outcome: `accepted` (stored), `rejected` (invalid), `duplicate`, `shed` (503), `excluded`"
            " or `opted_out`.",
            ("outcome",),
            {
                ("accepted",): ledger.accepted,
                ("rejected",): ledger.rejected.total(),
                ("duplicate",): ledger.duplicate,
                ("shed",): ledger.shed,
                ("excluded",): ledger.excluded,
                ("opted_out",): ledger.opted_out,
            },
        )
        yield counters(
            "events_rejected", "Invalid events, by reason.", ("reason",),
            {(code,): ledger.rejected[code] for code in RejectionCode},
        )  # fmt: skip

    def _commits(self) -> Iterable[Metric]:
        ledger, (events, size) = self._sources.ledger, self._sources.appender.queued
        yield histogram("commit_seconds", "Time to store a group, its sync included.", ledger.commit_seconds)
        yield histogram("group_events", "Events stored in one transaction.", ledger.group_events)
        yield gauge("queue_events", "Events that wait for their commit.", events)
        yield gauge("queue_bytes", "Bytes of the bodies that wait for their commit.", size)

    def _flushes(self) -> Iterable[Metric]:
        publisher = self._sources.publisher
        lag_s = self._sources.clock.monotonic() - publisher.flushed_at
        yield histogram("flush_seconds", "Time to flush counters into the aggregates.", publisher.flush_seconds)
        yield histogram("publish_seconds", "Time to read and make the live statistics.", publisher.publish_seconds)
        yield gauge("flush_lag_seconds", "Time since the last flush that succeeded.", lag_s)
        yield counter("flush_failures", "Flushes that failed; they are tried again.", publisher.flush_failures)

    def _memory(self) -> Iterable[Metric]:
        yield gauge("unflushed_keys", "Counters in memory that wait for a flush.", self._sources.counters.keys)
        yield gauge("duplicate_window_events", "Events remembered to recognise duplicates.", len(self._sources.window))
        yield gauge(
            "resend_window_events",
            "Events remembered to recognise late resends.",
            len(self._sources.window.older),
        )

    def _files(self) -> Iterable[Metric]:
        sizes = measure(self._sources.directory)
        wal = {"segments": sizes.segments_wal_bytes, "aggregates": sizes.aggregates_wal_bytes}
        yield gauges("wal_bytes", "Size of the write-ahead logs, of `segments` and `aggregates`.", "database", wal)
        yield gauge("segments", "Segments of the event log.", sizes.segments)
        yield gauge("segments_bytes", "Size of all segments.", sizes.segments_bytes)
        yield gauge("newest_segment_bytes", "Size of the newest segment.", sizes.newest_segment_bytes)
        yield gauge("aggregates_bytes", "Size of `telemetry.db`.", sizes.aggregates_bytes)
        yield gauge("disk_free_bytes", "Space left on the disk of the data directory.", sizes.free_bytes)
        backup = last_backup(self._sources.directory)
        yield gauge(
            "last_backup_timestamp_seconds",
            "When the last good backup was begun, in seconds since 1970; 0 if none is known.",
            backup.seconds if backup else 0,
        )

    def _upkeep(self) -> Iterable[Metric]:
        sealer, retention, budget = (
            self._sources.upkeep.sealer, self._sources.upkeep.retention, self._sources.upkeep.budget,
        )  # fmt: skip
        yield gauge("sealing", "1 while a segment is being sealed.", sealer.day is not None)
        yield counter("segments_sealed", "Segments that were sealed.", sealer.sealed)
        yield counter("sealing_failures", "Sealings that failed; they are tried again.", sealer.failed)
        yield gauge("last_sealing_seconds", "Time that the last sealing took.", sealer.last_duration_s)
        closer = self._sources.upkeep.closer
        yield gauge("closing", "1 while windows are being closed.", closer.pid is not None)
        yield counter("windows_closed", "Windows whose public numbers were made.", closer.closed)
        yield counter("closing_failures", "Closings that failed; they are tried again.", closer.failed)
        yield gauge("last_closing_seconds", "Time that the last closing took.", closer.last_duration_s)
        yield gauge("windows_late", "Windows that ended six hours ago and are not published.", closer.late)
        yield counter("segments_retired", "Segments that were removed past retention.", retention.retired)
        yield gauge("disk_used_bytes", "Size of the data directory.", budget.used_bytes)
        yield gauge("disk_budget_bytes", "Size beyond which events are refused; 0 is no limit.", budget.bytes_max)

    def _forwarding(self) -> Iterable[Metric]:
        state = None
        # `telemetry check` says what is wrong with the file.
        with suppress(DamagedError, OSError):
            state = ForwardingState.read(self._sources.directory.forwarding)
        lag_s = state.lag_s(self._sources.clock.now()) if state is not None else 0.0
        yield gauge(
            "forwarding_lag_seconds",
            "Time since the cluster had everything; 0 where nothing was ever forwarded.",
            lag_s,
        )
        waiting, erasures = (state.waiting, state.erasures_waiting) if state is not None else (0, 0)
        yield gauge("forwarding_events", "Events that waited for the cluster when forwarding was last tried.", waiting)
        yield gauge("forwarding_erasures", "Erasures that the cluster has not confirmed.", erasures)

    def _recovery(self) -> Iterable[Metric]:
        replay = self._sources.replay
        yield gauge("recovery_seconds", "Time that replay and recovery took at the start.", self._sources.recovery_s)
        yield counter("events_replayed", "Events past their watermark, counted again.", replay.events_replayed)
        yield counter(
            "events_missing",
            "Events that were counted and that the log has lost; those of missing segments at each start.",
            replay.events_missing,
        )

    def _health(self) -> Iterable[Metric]:
        failing = self._sources.service.failing()
        yield gauge("healthy", "1 while events can be stored.", failing is None)
        reasons = {reason.value: float(reason is failing) for reason in _FAILURES}
        yield gauges("failing", "1 for the reason why events cannot be stored.", "reason", reasons)
        versions = {"version": __version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        yield InfoMetricFamily(f"{METRIC_PREFIX}build", "Versions of the service, of Python and of SQLite.", versions)
