"""The composition root: the running service behind its listeners, and the service manager told of it."""

import asyncio
import gc
import logging
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from telemetry.clock import Clock
from telemetry.metrics import Sources, exposition
from telemetry.networks import Networks
from telemetry.rate_limit import RateLimiter
from telemetry.running import data_directory, running
from telemetry.settings import Settings
from telemetry.storage.archive import Archive
from telemetry.storage.database import WAL_RESET_RACE
from telemetry.storage.segment_states import SegmentStates
from telemetry.systemd import Notifier, inherited_sockets
from telemetry.tasks.watchdog import Watchdog
from telemetry.web.admin import AdminServer
from telemetry.web.bodies import BodyReader
from telemetry.web.clients import ClientFinder, ClientLimit
from telemetry.web.public import PublicSite
from telemetry.web.server import PublicServer

logger = logging.getLogger(__name__)

# Events live until they are counted and hold no cycles: to look through them for garbage, as Python does by default
# with every 700 new objects, cost a tenth of the time and doubled p99 at small batches.
_COLLECTOR_THRESHOLDS = (10_000, 20, 100)


@asynccontextmanager
async def admin_listening(settings: Settings, sources: Sources) -> AsyncIterator[None]:
    """Serve the operator on the admin socket and, if a port is set for them, the metrics there as well."""
    server = AdminServer(
        exposition(sources),
        sources.upkeep.eraser.erase,
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
        clients = ClientFinder(Networks(settings.trusted_proxies), settings.client_address_header)
        site = PublicSite(
            service,
            clock,
            BodyReader(
                bytes_max=settings.body_bytes_max,
                reading_bytes_max=settings.reading_bytes_max,
                timeout_s=settings.body_timeout_s,
            ),
            clients,
            stats_max_age_s=max(1, round(settings.flush_interval_s)),
            limit=_client_limit(settings, clients, clock),
        )
        server = PublicServer(
            site,
            body_bytes_max=settings.body_bytes_max,
            keepalive_timeout_s=settings.keepalive_timeout_s,
            shutdown_timeout_s=settings.shutdown_timeout_s,
        )
        _spare_collector()
        announce(await server.start(settings.host, settings.port, inherited))
        _warn_of_wal_reset_race()
        watchdog = Watchdog(notifier, started.proofs_of_life, service.failing)
        stopping, watching = asyncio.create_task(stop.wait()), asyncio.create_task(watchdog.run())
        await asyncio.wait([stopping, watching, *tasks], return_when=asyncio.FIRST_COMPLETED)
        logger.info("stopping")
        notifier.tell(STOPPING=1, STATUS="stopping")
        watchdog.close()
        started.upkeep.stop()
        await server.stop()
        await asyncio.wait([watching])
    for task in (watching, *tasks):
        task.result()
    logger.info("stopped, everything accepted is stored and counted")


async def migrate_all(settings: Settings, *, accept_loss: bool = False) -> list[tuple[str, int]]:
    """Migrate every database in the data directory; return their names and versions. See ``data_directory``."""
    async with data_directory(settings, accept_loss=accept_loss) as (directory, aggregates):
        versions = [(directory.aggregates.name, await aggregates.schema_version())]
        archive = Archive(directory, SegmentStates(aggregates), synchronous=settings.synchronous)
        versions += [(f"events/{state.day}.db", await archive.migrate(state)) for state in await archive.segments()]
    return versions


def _client_limit(settings: Settings, clients: ClientFinder, clock: Clock) -> ClientLimit | None:
    if not settings.rate_limit_requests_per_minute:
        return None
    limiter = RateLimiter(
        requests_per_minute=settings.rate_limit_requests_per_minute,
        burst=settings.rate_limit_burst,
        clients_max=settings.rate_limit_clients_max,
    )
    return ClientLimit(limiter, clients, clock.monotonic)


def _spare_collector() -> None:
    """Have the garbage collector pass over what was made by now, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)


def _warn_of_wal_reset_race() -> None:
    oldest, newest = WAL_RESET_RACE
    if oldest <= sqlite3.sqlite_version_info <= newest:
        logger.warning(
            "this SQLite can lose data when two programs write to one file: let no other program write to these",
            extra={"sqlite": sqlite3.sqlite_version},
        )
