"""The composition root: wires settings, storage, tasks and routes, and takes them down in the right order."""

import asyncio
import logging
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from telemetry.clock import Clock
from telemetry.counters import Counters
from telemetry.day_labels import DayLabels
from telemetry.duplicates import DuplicateWindow
from telemetry.errors import StartError
from telemetry.ledger import Ledger
from telemetry.metrics import Sources, exposition
from telemetry.networks import Networks
from telemetry.publisher import Publisher
from telemetry.rate_limit import RateLimiter
from telemetry.service import TelemetryService
from telemetry.settings import Settings
from telemetry.storage.aggregates import Aggregates
from telemetry.storage.appender import Appender, QueueLimits
from telemetry.storage.archive import Archive
from telemetry.storage.data_directory import DataDirectory
from telemetry.storage.database import SQLITE_VERSION_MIN, WAL_RESET_RACE
from telemetry.storage.event_log import EventLog
from telemetry.storage.recovery import replay, restore_window
from telemetry.storage.segment_states import SegmentStates
from telemetry.systemd import Notifier, inherited_sockets
from telemetry.tasks.disk import DiskBudget
from telemetry.tasks.flusher import Flusher
from telemetry.tasks.retention import Retention
from telemetry.tasks.sealer import Sealer
from telemetry.tasks.upkeep import Upkeep
from telemetry.tasks.wal_alarm import WalAlarm
from telemetry.tasks.watchdog import Watchdog
from telemetry.web.admin import AdminServer
from telemetry.web.application import PublicSite
from telemetry.web.bodies import BodyReader
from telemetry.web.clients import ClientLimit
from telemetry.web.server import PublicServer

logger = logging.getLogger(__name__)


class Running(NamedTuple):
    """A service that accepts events, and the tasks that it lives by: if one ends, the service is over."""

    service: TelemetryService
    publisher: Publisher
    upkeep: Upkeep
    tasks: tuple[asyncio.Task[None], ...]
    sources: Sources
    proofs_of_life: tuple[Callable[[], Awaitable[None]], ...]


@asynccontextmanager
async def data_directory(settings: Settings) -> AsyncIterator[tuple[DataDirectory, Aggregates]]:
    """Own the data directory and have its aggregates open; raise ``StartError`` if it cannot be used."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        needed = ".".join(map(str, SQLITE_VERSION_MIN))
        raise StartError(f"SQLite {sqlite3.sqlite_version} is too old: use a Python that comes with {needed} or newer")
    os.umask(0o077)
    directory = DataDirectory(Path(settings.data_dir))
    directory.create()
    with directory.locked():
        aggregates = await Aggregates.open(directory.aggregates, synchronous=settings.synchronous)
        try:
            yield directory, aggregates
        finally:
            await aggregates.close()


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock, on_replayed: Callable[[], None] = lambda: None
) -> AsyncIterator[Running]:
    """Replay the log, then append and flush until the end; what was accepted by then is stored, counted and flushed.

    ``on_replayed`` is called after every few thousand events.
    """
    async with data_directory(settings) as (directory, aggregates):
        counters = Counters(DayLabels(labels_max=settings.daily_labels_max))
        window = DuplicateWindow(seconds=settings.duplicate_window_s, events_max=settings.duplicate_window_events)
        archive = Archive(directory, SegmentStates(aggregates), synchronous=settings.synchronous)
        log = EventLog(archive, aggregates, counters)
        upkeep = Upkeep(
            Sealer(log, archive, clock),
            Retention(archive, clock, days=settings.retention_days),
            DiskBudget(directory, bytes_max=settings.disk_bytes_max),
        )
        publisher = Publisher(counters, aggregates, clock)
        wal_alarm = WalAlarm(publisher.flush, directory, bytes_max=settings.wal_alarm_bytes)
        flusher = Flusher(
            wal_alarm.flush, counters, interval_s=settings.flush_interval_s, keys_max=settings.flush_keys_max
        )
        limits = QueueLimits(settings.queue_events_max, settings.queue_bytes_max, settings.counter_keys_max)
        ledger = Ledger()
        appender = Appender(
            log=log,
            counters=counters,
            window=window,
            clock=clock,
            limits=limits,
            ledger=ledger,
            disk_is_full=lambda: upkeep.budget.exceeded,
            on_counted=flusher.consider,
        )
        service = TelemetryService(
            appender,
            publisher,
            clock,
            ledger,
            batch_events_max=settings.batch_events_max,
            retention=timedelta(days=settings.retention_days),
        )
        started = clock.monotonic()
        try:
            await replay(
                archive, log, counters, publisher.flush, keys_max=settings.flush_keys_max, on_progress=on_replayed
            )
            await restore_window(log, window, clock)
            recovery_s = clock.monotonic() - started
            sources = Sources(ledger, appender, publisher, counters, window, log, directory, clock, recovery_s)
            keeping = await upkeep.start()
            appending, flushing = asyncio.create_task(appender.run()), asyncio.create_task(flusher.run())
            try:
                alive = (appender.prove_alive, aggregates.prove_alive)
                yield Running(service, publisher, upkeep, (appending, flushing, *keeping), sources, alive)
            finally:
                await upkeep.close()
                appender.close()
                await asyncio.wait([appending])
                flusher.close()
                await asyncio.wait([flushing])
        finally:
            await log.close()


@asynccontextmanager
async def admin_listening(settings: Settings, sources: Sources) -> AsyncIterator[None]:
    """Serve the metrics on the admin socket and, if a port is set for them, there as well."""
    server = AdminServer(
        exposition(sources),
        sources.ledger,
        keepalive_timeout_s=settings.keepalive_timeout_s,
        shutdown_timeout_s=settings.shutdown_timeout_s,
    )
    try:
        await server.listen_on_socket(sources.directory.root)
        if settings.admin_port:
            await server.listen_on_port(settings.admin_host, settings.admin_port, settings.admin_token)
        yield
    finally:
        await server.stop()


async def serve(settings: Settings, announce: Callable[[str], None], clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` is given the URL once the service listens.

    Raises ``StartError`` if it cannot start, and whatever ended one of its tasks.
    """
    clock = clock or Clock()
    notifier, inherited = Notifier(), inherited_sockets()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    notifier.tell(STATUS="replaying")
    async with (
        running(settings, clock, lambda: notifier.extend_start(clock.monotonic())) as started,
        admin_listening(settings, started.sources),
    ):
        service, tasks = started.service, started.tasks
        site = PublicSite(
            service,
            clock,
            BodyReader(
                bytes_max=settings.body_bytes_max,
                reading_bytes_max=settings.reading_bytes_max,
                timeout_s=settings.body_timeout_s,
            ),
            stats_max_age_s=max(1, round(settings.flush_interval_s)),
            limit=_client_limit(settings, clock),
        )
        server = PublicServer(
            site, keepalive_timeout_s=settings.keepalive_timeout_s, shutdown_timeout_s=settings.shutdown_timeout_s
        )
        announce(await server.start(settings.host, settings.port, inherited))
        _warn_of_wal_reset_race()
        watchdog = Watchdog(notifier, started.proofs_of_life, service.failing)
        stopping, watching = asyncio.create_task(stop.wait()), asyncio.create_task(watchdog.run())
        await asyncio.wait([stopping, watching, *tasks], return_when=asyncio.FIRST_COMPLETED)
        logger.info("stopping")
        notifier.tell(STOPPING=1, STATUS="stopping")
        watchdog.close()
        await server.stop()
        await asyncio.wait([watching])
    for task in (watching, *tasks):
        task.result()
    logger.info("stopped, everything accepted is stored and counted")


async def migrate_all(settings: Settings) -> list[tuple[str, int]]:
    """Migrate every database in the data directory; return their names and versions."""
    async with data_directory(settings) as (directory, aggregates):
        versions = [(directory.aggregates.name, await aggregates.schema_version())]
        archive = Archive(directory, SegmentStates(aggregates), synchronous=settings.synchronous)
        versions += [(f"events/{state.day}.db", await archive.migrate(state)) for state in await archive.segments()]
    return versions


def _client_limit(settings: Settings, clock: Clock) -> ClientLimit | None:
    if not settings.rate_limit_requests_per_minute:
        return None
    limiter = RateLimiter(
        requests_per_minute=settings.rate_limit_requests_per_minute,
        burst=settings.rate_limit_burst,
        clients_max=settings.rate_limit_clients_max,
    )
    return ClientLimit(limiter, Networks(settings.trusted_proxies), clock.monotonic)


def _warn_of_wal_reset_race() -> None:
    oldest, newest = WAL_RESET_RACE
    if oldest <= sqlite3.sqlite_version_info <= newest:
        logger.warning(
            "this SQLite can lose data when two programs write to one file: let no other program write to these",
            extra={"sqlite": sqlite3.sqlite_version},
        )
