"""The service without HTTP: its parts, wired from the settings, brought to life and taken down in the right order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from telemetry.catalogue.stored_ids import IdKey
from telemetry.clock import Clock
from telemetry.counting.counters import Counters
from telemetry.counting.day_labels import DayLabels
from telemetry.intake.appender import Appender, QueueLimits
from telemetry.intake.clock_judge import ClockJudge
from telemetry.intake.duplicates import DuplicateWindow
from telemetry.intake.large_batches import LargeBatches
from telemetry.intake.ledger import Ledger
from telemetry.intake.recovery import replay, restore_window
from telemetry.intake.resends import ResendWindow
from telemetry.intake.service import TelemetryService
from telemetry.metrics.sources import Sources
from telemetry.owning import data_directory
from telemetry.published.benchmark_reader import BenchmarkReader
from telemetry.published.closed_days import closed_days
from telemetry.published.contributions import threshold_in
from telemetry.published.publisher import Publisher
from telemetry.settings import Settings
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.flushing import counters_per_flush
from telemetry.storage.aggregates.key_file import put_back_key, settle_key
from telemetry.storage.aggregates.published_windows import PublishedWindows
from telemetry.storage.aggregates.segment_states import SegmentStates
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.directory.own_files import size_bytes
from telemetry.storage.directory.segment_files import foreign_files
from telemetry.storage.erasure.eraser import Eraser
from telemetry.storage.erasure.exclusions import Exclusions
from telemetry.storage.log.archive import Archive, StartSealing
from telemetry.storage.log.event_log import EventLog
from telemetry.storage.log.expiring import Expiry
from telemetry.storage.log.replaying import Replay
from telemetry.storage.log.sealing_process import SealingProcess
from telemetry.tasks.closer import Closer
from telemetry.tasks.disk import DiskBudget
from telemetry.tasks.file_watch import FileWatch
from telemetry.tasks.flusher import Flusher
from telemetry.tasks.orders import Orders
from telemetry.tasks.refusal_watch import RefusalWatch
from telemetry.tasks.retention import Retention
from telemetry.tasks.sealer import Sealer
from telemetry.tasks.upkeep import Upkeep
from telemetry.tasks.wal_alarm import WalAlarm

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that accepts events, and the tasks that it lives by: if one ends, the service is over."""

    service: TelemetryService
    publisher: Publisher
    upkeep: Upkeep
    sources: Sources
    tasks: tuple[asyncio.Task[None], ...]
    proofs_of_life: tuple[Callable[[], Awaitable[None]], ...]


def _window(settings: Settings) -> DuplicateWindow:
    return DuplicateWindow(
        seconds=settings.duplicate_window_s,
        events_max=settings.duplicate_window_events,
        older=ResendWindow(
            seconds=timedelta(days=settings.resend_window_days).total_seconds(),
            events_max=settings.resend_window_events,
        ),
    )


class _Parts:
    """Everything that works on one data directory."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        directory: DataDirectory,
        aggregates: Aggregates,
        id_key: IdKey,
        *,
        start_sealing: StartSealing,
    ) -> None:
        self.settings = settings
        self._id_key = id_key
        self.clock = clock
        self.directory = directory
        self.aggregates = aggregates
        self.ledger = Ledger()
        self.counters = Counters(DayLabels(labels_max=settings.daily_labels_max))
        self.window = _window(settings)
        self.archive = Archive(
            directory, SegmentStates(aggregates), synchronous=settings.synchronous, start_sealing=start_sealing
        )
        self.replay = Replay(aggregates, self.counters)
        self.log = EventLog(self.archive, self.replay.prepare)
        closed = closed_days(directory.published, environment=settings.environment)
        self.publisher = Publisher(self.counters, aggregates, clock, closed)
        self.exclusions = Exclusions()
        self.budget = DiskBudget(directory, bytes_max=settings.disk_bytes_max)
        self.watch = FileWatch(
            aggregates,
            self.log,
            clock.monotonic,
            # A key that the operator gives is in no file.
            put_back_key=lambda: not settings.id_key and put_back_key(directory, id_key),
        )
        self.alarm = WalAlarm(self.publisher.flush, directory, bytes_max=settings.wal_alarm_bytes)
        self.flusher = Flusher(
            self._flush_unless_lost,
            self.counters,
            interval_s=settings.flush_interval_s,
            keys_max=self._counters_per_flush,
            monotonic=clock.monotonic,
        )
        self.appender = self._appender()
        self.eraser = self._eraser(id_key)
        self.judge = ClockJudge(aggregates, clock, retention=timedelta(days=settings.retention_days))
        retention = self._retention(id_key)
        self.upkeep = Upkeep(
            Sealer(self.log, self.archive, clock),
            retention,
            self.budget,
            self.eraser,
            self.judge,
            clock=clock,
            refusals=RefusalWatch(self.ledger, directory, clock),
            closer=self._closer(),
            orders=Orders(aggregates, retention, clock),
        )
        self.service = self._service(id_key)

    def _appender(self) -> Appender:
        return Appender(
            log=self.log,
            counters=self.counters,
            window=self.window,
            clock=self.clock,
            limits=QueueLimits(
                self.settings.queue_events_max, self.settings.queue_bytes_max, self.settings.counter_keys_max
            ),
            ledger=self.ledger,
            disk_is_full=lambda: self.budget.exceeded,
            file_is_lost=lambda: self.watch.lost,
            flush_failing=lambda: self.flusher.failing,
            on_counted=self.flusher.consider,
        )

    def _retention(self, id_key: IdKey) -> Retention:
        return Retention(
            self.archive,
            Expiry(self.directory, self.aggregates, id_key),
            self.clock,
            days=self.settings.retention_days,
            is_paused=lambda: bool(self.judge.failing),
        )

    def _closer(self) -> Closer:
        return Closer(
            self.directory,
            self.archive,
            PublishedWindows(self.aggregates),
            self.clock,
            threshold=threshold_in(self.settings.environment),
            # This node's public numbers alone would contradict those of all nodes.
            is_paused=lambda: self.settings.publish_from != "log" or bool(self.judge.failing),
        )

    def _eraser(self, id_key: IdKey) -> Eraser:
        return Eraser(
            self.directory,
            self.aggregates,
            self.log,
            self.exclusions,
            self.clock,
            archive=self.archive,
            id_key=id_key,
            settle=self.appender.settle,
            flush=self.publisher.flush,
            counters=self.counters,
            keys_max=self.settings.flush_keys_max,
        )

    def _service(self, id_key: IdKey) -> TelemetryService:
        return TelemetryService(
            self.appender,
            self.publisher,
            self.clock,
            self.ledger,
            self.exclusions,
            benchmarks=BenchmarkReader(
                self.aggregates,
                self.directory.public_labels,
                everything=threshold_in(self.settings.environment) == 1,
            ),
            judge=self.judge,
            id_key=id_key,
            large_batches=LargeBatches(
                self.ledger, self.clock.monotonic, events_max=self.settings.batch_events_retry_max
            ),
            batch_events_max=self.settings.batch_events_max,
            batch_events_v2_max=self.settings.batch_events_v2_max,
            retention=timedelta(days=self.settings.retention_days),
        )

    def _counters_per_flush(self) -> int:
        return counters_per_flush(
            self.settings.flush_keys_max, self.settings.counter_keys_max, size_bytes(self.directory.aggregates)
        )

    async def _flush_unless_lost(self) -> None:
        # A lost file is going to be replaced, and the next start counts from the log what is not in the new one.
        if self.aggregates.file.loss() is None:
            await self.alarm.flush_and_look()

    async def recover(self, on_replayed: Callable[[], None]) -> Sources:
        """Bring counters and duplicate window to where the log ends; return what the metrics are read from."""
        started = self.clock.monotonic()
        for foreign in foreign_files(self.directory.events):
            path = str(self.directory.events / foreign.name)
            logger.warning("a file beside the segments is ignored", extra={"path": path, "reason": foreign.sentence})
        await replay(
            self.archive,
            self.log,
            self.replay,
            self.counters,
            self.flusher.flush,
            keys_max=self.settings.flush_keys_max,
            counter_keys_max=self.settings.counter_keys_max,
            on_progress=on_replayed,
        )
        await self.eraser.load()
        await restore_window(self.log, self.window, self.clock, self._id_key, on_progress=on_replayed)
        self.judge.start(await self.log.newest_received_at())
        return Sources(
            self.service, self.ledger, self.appender, self.publisher, self.counters, self.window, self.replay,
            self.directory, self.upkeep, self.clock, recovery_s=self.clock.monotonic() - started,
        )  # fmt: skip

    @asynccontextmanager
    async def working(self, sources: Sources) -> AsyncIterator[Running]:
        """Append, flush and keep the directory in order until the end of the block; then flush a last time."""
        keeping = await self.upkeep.start()
        appending, flushing = asyncio.create_task(self.appender.run()), asyncio.create_task(self.flusher.run())
        watching = asyncio.create_task(self.watch.run())
        try:
            yield Running(
                self.service,
                self.publisher,
                self.upkeep,
                sources,
                tasks=(appending, flushing, watching, *keeping),
                proofs_of_life=(self.appender.prove_alive, self.aggregates.prove_alive),
            )
        finally:
            await self.upkeep.close()
            self.appender.close()
            await asyncio.wait([appending])
            self.flusher.close()
            await asyncio.wait([flushing])
            # Last: until here something may still be stored.
            self.watch.close()
            await asyncio.wait([watching])


@asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock,
    on_replayed: Callable[[], None] = lambda: None,
    start_sealing: StartSealing = SealingProcess.start,
) -> AsyncIterator[Running]:
    """Replay the log, then append and flush until the end of the block.

    All events that were accepted by then are stored, counted and flushed. ``on_replayed`` is called after every few
    thousand events, and while older aggregates are rewritten. ``start_sealing`` begins to seal the segment of a day.
    """
    async with data_directory(settings, on_progress=on_replayed) as (directory, aggregates):
        id_key = await settle_key(directory, aggregates, settings.id_key)
        parts = _Parts(settings, clock, directory, aggregates, id_key, start_sealing=start_sealing)
        try:
            sources = await parts.recover(on_replayed)
            async with parts.working(sources) as started:
                yield started
        finally:
            await parts.log.close()
