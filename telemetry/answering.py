"""Answering the public, and telling the service manager how the service does that answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from telemetry.clock import Clock
from telemetry.errors import ErrorCode
from telemetry.networks.addresses import Networks
from telemetry.published.contributions import threshold_in
from telemetry.settings import Settings
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.systemd import Notifier, inherited_sockets
from telemetry.tasks.watchdog import Watchdog
from telemetry.web.api.explanations import Explanations
from telemetry.web.api.feedback import REPORT_BYTES_MAX, Feedback
from telemetry.web.api.site import PublicApi
from telemetry.web.bodies import BodyReader
from telemetry.web.clients import ClientFinder, ClientLimit
from telemetry.web.datasets.pages import DATASETS_PATH
from telemetry.web.datasets.site import PublicDatasets
from telemetry.web.pages.layout import NAVIGATION, navigation
from telemetry.web.pages.privacy import Keeping
from telemetry.web.pages.site import PublicPages
from telemetry.web.public import PublicSite, Service
from telemetry.web.rate_limit import RateLimiter
from telemetry.web.server import PublicServer

logger = logging.getLogger(__name__)


class PublicSide:
    """The public listener: opened once, for whichever service can answer, and then for the one that runs."""

    def __init__(
        self, settings: Settings, clock: Clock, notifier: Notifier, announce: Callable[[str], None], *, connections: int
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._notifier = notifier
        self._announce = announce
        self._inherited = inherited_sockets()
        self._connections = connections
        self._site: PublicSite | None = None
        self._server: PublicServer | None = None
        self._watchdog: Watchdog | None = None
        self._watching: asyncio.Task[None] | None = None

    async def serve(self, service: Service, proofs: Sequence[Callable[[], Awaitable[object]]] = ()) -> None:
        """Have requests answered by a service from now on, and the manager told how it does as long as it is proved."""
        if self._site is None:
            self._site = self._make_site(service)
            self._server = self._make_server(self._site)
            urls = await self._server.start(self._settings.host, self._settings.port, self._inherited)
            self._announce(", ".join(urls))
        self._site.service = service
        await self._end_watching()
        self._watchdog = Watchdog(self._notifier, proofs, service.failing)
        self._watching = asyncio.create_task(self._watchdog.run())

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What ends only with an error before ``stop``."""
        return [self._watching] if self._watching is not None else []

    def leave(self) -> None:
        """Tell the manager that the service stops."""
        logger.info("stopping")
        self._notifier.tell(STOPPING=1, STATUS="stopping")
        if self._watchdog is not None:
            self._watchdog.close()

    async def stop(self) -> None:
        """Let requests in flight end, and close."""
        if self._server is not None:
            await self._server.stop()
        await self._end_watching()

    async def _end_watching(self) -> None:
        if self._watchdog is not None and self._watching is not None:
            self._watchdog.close()
            await asyncio.wait([self._watching])

    def _make_site(self, service: Service) -> PublicSite:
        settings = self._settings
        clients = ClientFinder(Networks(settings.trusted_proxies), settings.client_address_header)
        limit = _client_limit(settings, clients, self._clock)
        published, threshold = DataDirectory(Path(settings.data_dir)).published, threshold_in(settings.environment)
        api = PublicApi(published, limit, self._clock.monotonic)
        datasets = PublicDatasets(Path(settings.datasets_dir), limit) if settings.datasets_dir else None
        if datasets is not None:
            navigation.set((*NAVIGATION, (DATASETS_PATH, "Data sets")))
        return PublicSite(
            service,
            self._clock,
            BodyReader(
                bytes_max=settings.body_bytes_max,
                timeout_s=settings.body_timeout_s,
            ),
            clients,
            stats_max_age_s=max(1, round(settings.flush_interval_s)),
            limit=limit,
            pages=PublicPages(published, threshold, self._clock.monotonic),
            api=api,
            explanations=Explanations(api, Keeping(settings.retention_days, threshold)),
            datasets=datasets,
            feedback=_feedback(settings, clients),
        )

    def _make_server(self, site: PublicSite) -> PublicServer:
        return PublicServer(
            site,
            body_bytes_max=self._settings.body_bytes_max,
            reading_bytes_max=self._settings.reading_bytes_max,
            keepalive_timeout_s=self._settings.keepalive_timeout_s,
            shutdown_timeout_s=self._settings.shutdown_timeout_s,
            connections_max=self._connections,
            clients=site.clients,
        )


def _feedback(settings: Settings, clients: ClientFinder) -> Feedback:
    bodies = BodyReader(
        bytes_max=min(REPORT_BYTES_MAX, settings.body_bytes_max),
        timeout_s=settings.body_timeout_s,
        too_large=ErrorCode.REPORT_TOO_LARGE,
    )
    return Feedback(bodies, clients, token=settings.feedback_token)


def _client_limit(settings: Settings, clients: ClientFinder, clock: Clock) -> ClientLimit | None:
    if not settings.rate_limit_requests_per_minute:
        return None
    limiter = RateLimiter(
        requests_per_minute=settings.rate_limit_requests_per_minute,
        burst=settings.rate_limit_burst,
        clients_max=settings.rate_limit_clients_max,
    )
    return ClientLimit(limiter, clients, clock.monotonic)
