"""The public HTTP interface: its routes, and what happens around every request."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from telemetry.clock import Clock, iso_milliseconds
from telemetry.errors import ERROR_SENTENCES, ErrorCode, Refusal
from telemetry.ledger import Ledger
from telemetry.service import TelemetryService
from telemetry.web.answers import REFUSED_WITH, empty_answer, json_answer, refusal_answer
from telemetry.web.bodies import BodyReader, continue_reading
from telemetry.web.clients import ClientLimit

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTTP_CODES = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}


@dataclass(slots=True)
class PublicSite:
    """The handlers, and what they need. ``draining`` asks clients to leave after their next answer."""

    service: TelemetryService
    clock: Clock
    bodies: BodyReader
    stats_max_age_s: int
    limit: ClientLimit | None = None
    draining: bool = False

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(middlewares=[self._answer_every_request], client_max_size=self.bodies.bytes_max)
        application.router.add_post("/v1/events", self._post_events, expect_handler=continue_reading)
        application.router.add_get("/v1/stats", self._get_stats, expect_handler=continue_reading)
        application.router.add_get("/v1/health", self._get_health, expect_handler=continue_reading)
        return application

    async def _post_events(self, request: web.Request) -> web.Response:
        return json_answer(await self.service.accept(await self.bodies.read(request)))

    async def _get_stats(self, request: web.Request) -> web.Response:
        document = self.service.stats()
        headers = {"ETag": document.etag, "Cache-Control": f"public, max-age={self.stats_max_age_s}"}
        if document.etag in [f'"{tag.value}"' for tag in request.if_none_match or ()]:
            return empty_answer(web.HTTPNotModified.status_code, headers)
        return json_answer(document.body, headers=headers)

    async def _get_health(self, _request: web.Request) -> web.Response:
        timestamp = iso_milliseconds(self.clock.now())
        headers = {"Cache-Control": "no-store"}
        reason = self.service.failing()
        if reason is None:
            return json_answer(orjson.dumps({"status": "healthy", "timestamp": timestamp}), headers=headers)
        unhealthy = {"status": "unhealthy", "reason": reason, "error": ERROR_SENTENCES[reason], "timestamp": timestamp}
        return json_answer(orjson.dumps(unhealthy), status=web.HTTPServiceUnavailable.status_code, headers=headers)

    @web.middleware
    async def _answer_every_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer: web.StreamResponse | None
        if request.method == "OPTIONS":
            answer = empty_answer(204)
        # Not a middleware of its own: one that does nothing costs as much as this, about 4 us.
        elif self.limit is None or (answer := self.limit.refusal(request)) is None:
            answer = await answered(request, handler)
        note_answer(self.service.ledger, request, answer)
        if self.draining:
            answer.force_close()
        return answer


async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the answer of a handler, or that to whatever it raises."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal_answer(refusal)
    except web.HTTPException as error:
        code = _HTTP_CODES.get(error.status, ErrorCode.INTERNAL)
        allow = error.headers.get("Allow")
        return refusal_answer(Refusal(code), {"Allow": allow} if allow else None)
    except (ConnectionError, web.RequestPayloadError):
        # The client left before its request was complete: nobody reads this answer.
        return refusal_answer(Refusal(ErrorCode.INVALID_JSON))
    except Exception:
        logger.exception("request failed")
        return refusal_answer(Refusal(ErrorCode.INTERNAL))


def note_answer(ledger: Ledger, request: web.Request, answer: web.StreamResponse) -> None:
    """Enter an answered request into the ledger; paths that are not served all look the same there."""
    resource = request.match_info.route.resource
    code = answer.get(REFUSED_WITH) if answer.status >= web.HTTPBadRequest.status_code else None
    ledger.answer(resource.canonical if resource is not None else "other", answer.status, code)
