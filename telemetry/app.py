"""The composition root: the running service behind its listeners, and the service manager told of it."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from telemetry.answering import PublicSide
from telemetry.clock import Clock
from telemetry.errors import ErrorCode
from telemetry.metrics.exposition import exposition
from telemetry.metrics.sources import Sources
from telemetry.running import Running, running
from telemetry.settings import Settings
from telemetry.starting import start_when_there_is_room
from telemetry.storage.aggregates.pruning import PruneRequest
from telemetry.storage.erasure.requests import ErasureRequest
from telemetry.storage.log.retiring import RetireRequest
from telemetry.storage.sqlite.database import wal_reset_warning
from telemetry.storage.sqlite.queries import load_all
from telemetry.systemd import Notifier
from telemetry.tasks.upkeep import Upkeep
from telemetry.web.admin import AdminServer, Order
from telemetry.web.descriptors import connections_within, raise_limit
from telemetry.web.http_log import keep_requests_out
from telemetry.web.server import CONNECTIONS_MAX

logger = logging.getLogger(__name__)

# Events live until they are counted and hold no cycles: to look through them for garbage, as Python does by default
# with every 700 new objects, cost a tenth of the time and doubled p99 at small batches.
_COLLECTOR_THRESHOLDS = (10_000, 20, 100)


def _orders(upkeep: Upkeep) -> dict[str, Order]:
    return {
        "/erasures": Order(ErasureRequest, ErrorCode.ERASURE_INVALID, upkeep.eraser.erase),
        "/prunings": Order(PruneRequest, ErrorCode.ORDER_INVALID, upkeep.orders.prune),
        "/retirements": Order(RetireRequest, ErrorCode.ORDER_INVALID, upkeep.orders.retire),
    }


@asynccontextmanager
async def admin_listening(settings: Settings, sources: Sources) -> AsyncIterator[None]:
    """Serve the operator on the admin socket and, if a port is set for them, the metrics there as well."""
    server = AdminServer(
        exposition(sources),
        _orders(sources.upkeep),
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


@asynccontextmanager
async def _alive(settings: Settings, clock: Clock, notifier: Notifier) -> AsyncIterator[Running]:
    """Run the service and serve its operator until the end of the block."""
    async with (
        running(settings, clock, lambda: notifier.extend_start(clock.monotonic())) as started,
        admin_listening(settings, started.sources),
    ):
        yield started


async def serve(settings: Settings, announce: Callable[[str], None], clock: Clock | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` is given the URL once the service listens.

    Raises ``OperatorError`` if it cannot start, and whatever ended one of its tasks.
    """
    clock = clock or Clock()
    load_all()
    keep_requests_out()
    connections = connections_within(raise_limit(), CONNECTIONS_MAX)
    notifier, stop = Notifier(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    notifier.tell(STATUS="replaying")
    public = PublicSide(settings, clock, notifier, announce, connections=connections)
    async with AsyncExitStack() as stack:
        started = await start_when_there_is_room(
            lambda: _alive(settings, clock, notifier),
            stack,
            Path(settings.data_dir),
            clock,
            environment=settings.environment,
            stand_in=public.serve,
            stop=stop,
        )
        if started is not None:
            await public.serve(started.service, started.proofs_of_life)
            _spare_collector()
            if sentence := wal_reset_warning(Path(settings.data_dir)):
                logger.warning("SQLite %s", sentence)
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([stopping, *public.tasks, *started.tasks], return_when=asyncio.FIRST_COMPLETED)
        public.leave()
        if started is not None:
            started.upkeep.stop()
        await public.stop()
    for task in (*public.tasks, *(started.tasks if started is not None else ())):
        task.result()
    if started is not None:
        logger.info("stopped, everything accepted is stored and counted")


def _spare_collector() -> None:
    """Have the garbage collector pass over what was made by now, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_THRESHOLDS)
