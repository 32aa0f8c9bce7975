"""The public HTTP interface: what is served, and what happens around every request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import orjson
from aiohttp import web

from telemetry.catalogue.wire import Wire
from telemetry.clock import Clock, iso_milliseconds
from telemetry.errors import ERROR_SENTENCES, ErrorCode, Refusal
from telemetry.intake.large_batches import Charge, no_charge
from telemetry.intake.ledger import Ledger
from telemetry.intake.receipts import PendingReceipt
from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.published.publisher import Document
from telemetry.web.answers import Answer, LaterAnswer, empty_answer, json_answer, refusal_answer
from telemetry.web.api.explanations import Explanations
from telemetry.web.api.feedback import Feedback, FeedbackService
from telemetry.web.api.site import PublicApi
from telemetry.web.bodies import BodyReader
from telemetry.web.clients import ClientFinder, ClientLimit, opted_out
from telemetry.web.datasets.site import PublicDatasets
from telemetry.web.known import is_known
from telemetry.web.pages.live import LiveTotals
from telemetry.web.pages.site import PublicPages
from telemetry.web.routing import OTHER, Routes, answered, find_route, note_answer


class Service(FeedbackService, Protocol):
    """What answers requests in domain words: ``telemetry.intake.service``, or what stands in for it."""

    ledger: Ledger

    def accept(
        self, body: bytes, /, *, wire: Wire, opted_out: bool, client: Callable[[], bytes], charge: Charge
    ) -> Awaitable[bytes]:
        """Return the receipt for the body of a request; raise ``Refusal`` if it is not stored."""
        ...

    def stats(self) -> Document:
        """Return the public statistics; raise ``Refusal`` if there are none."""
        ...

    def failing(self) -> ErrorCode | None:
        """Return why events cannot be stored at present, or None."""
        ...


@dataclass(slots=True)
class PublicSite:
    """The handlers, and what they need. ``service`` may be replaced at any time.

    ``draining`` asks clients to leave after their next answer.
    """

    service: Service
    clock: Clock
    bodies: BodyReader
    clients: ClientFinder
    stats_max_age_s: int
    limit: ClientLimit | None = None
    pages: PublicPages | None = None
    api: PublicApi | None = None
    explanations: Explanations | None = None
    datasets: PublicDatasets | None = None
    feedback: Feedback | None = None
    draining: bool = False
    _routes: Routes = field(init=False)

    def __post_init__(self) -> None:
        self._routes = {
            "/v1/events": {"POST": partial(self._post_events, Wire.V1)},
            "/v2/events": {"POST": partial(self._post_events, Wire.V2)},
            "/v1/stats": {"GET": self._get_stats},
            "/v1/health": {"GET": self._get_health},
        }
        if self.pages is not None:
            self.pages.live = self._live
            self.pages.benchmarks = self._benchmarks
        if self.feedback is not None:
            self.feedback.service = lambda: self.service
        for served in (self.pages, self.api, self.explanations, self.feedback):
            if served is not None:
                self._routes = {**self._routes, **served.routes}

    def answer(self, request: web.BaseRequest) -> Awaitable[Answer]:
        """Answer any request, with an ``Answer`` if there is nothing to wait for; nothing is raised."""
        path, handler = find_route(self._routes, request)
        if path == OTHER and self.pages is not None:
            path, handler = self.pages.find(request) or (path, handler)
        if path == OTHER and self.datasets is not None:
            path, handler = self.datasets.find(request) or (path, handler)
        if request.method == "OPTIONS":
            answer: Awaitable[Answer] = empty_answer(204)
        elif self.limit is not None and (refusal := self.limit.refusal(request)) is not None:
            self._note(path, refusal)
            return refusal
        else:
            answer = answered(request, handler)
        if isinstance(answer, Answer):
            self._note_handled(path, request, answer)
        elif isinstance(answer, LaterAnswer):
            answer.when_given(partial(self._note_handled, path, request))
        else:
            answer = self._handled(path, request, answer)
        return answer

    async def _handled(self, path: str, request: web.BaseRequest, answer: Awaitable[Answer]) -> Answer:
        given = await answer
        self._note_handled(path, request, given)
        return given

    def _note_handled(self, path: str, request: web.BaseRequest, answer: Answer) -> None:
        if self.limit is not None:
            comes_again = answer.refused_with is ErrorCode.TOO_MANY_EVENTS
            self.limit.note_body(request, request.content.total_bytes, comes_again=comes_again)
        self._note(path, answer)

    def _note(self, path: str, answer: Answer) -> None:
        note_answer(self.service.ledger, path, answer)
        if self.draining:
            answer.force_close()

    def _live(self) -> LiveTotals:
        is_storing = self.service.failing() is None
        try:
            return LiveTotals(self.service.stats().events_today, is_storing)
        except Refusal:
            return LiveTotals(None, is_storing)

    async def _benchmarks(self) -> BenchmarkNumbers | None:
        try:
            return await self.service.benchmarks()
        except Refusal:
            return None

    def _post_events(self, wire: Wire, request: web.BaseRequest) -> Awaitable[Answer]:
        body = self.bodies.received(request)
        if body is None:
            return self._receive_events(wire, request)
        receipt = self._accept(wire, request, body)
        if not isinstance(receipt, PendingReceipt):
            return _awaited_receipt(receipt)
        answer = LaterAnswer()
        receipt.when_durable(partial(_give_receipt, answer, receipt.receipt))
        return answer

    async def _receive_events(self, wire: Wire, request: web.BaseRequest) -> Answer:
        return await _awaited_receipt(self._accept(wire, request, await self.bodies.read(request)))

    def _accept(self, wire: Wire, request: web.BaseRequest, body: bytes) -> Awaitable[bytes]:
        return self.service.accept(
            body,
            wire=wire,
            opted_out=opted_out(request),
            client=partial(self.clients.find, request),
            charge=no_charge if self.limit is None else partial(self.limit.charge, request),
        )

    def _get_stats(self, request: web.BaseRequest) -> Answer:
        document = self.service.stats()
        headers = {"ETag": document.etag, "Cache-Control": f"public, max-age={self.stats_max_age_s}"}
        if is_known(document.etag, request):
            return empty_answer(web.HTTPNotModified.status_code, headers)
        return json_answer(document.body, headers=headers)

    def _get_health(self, _request: web.BaseRequest) -> Answer:
        timestamp = iso_milliseconds(self.clock.now())
        headers = {"Cache-Control": "no-store"}
        reason = self.service.failing()
        if reason is None:
            return json_answer(orjson.dumps({"status": "healthy", "timestamp": timestamp}), headers=headers)
        unhealthy = {"status": "unhealthy", "reason": reason, "error": ERROR_SENTENCES[reason], "timestamp": timestamp}
        return json_answer(orjson.dumps(unhealthy), status=web.HTTPServiceUnavailable.status_code, headers=headers)


async def _awaited_receipt(receipt: Awaitable[bytes]) -> Answer:
    return json_answer(await receipt)


def _give_receipt(answer: LaterAnswer, receipt: bytes, code: ErrorCode | None) -> None:
    answer.give(json_answer(receipt) if code is None else refusal_answer(Refusal(code)))
