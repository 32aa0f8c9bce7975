"""Feedback: accepts benchmark reports, and answers with the public results."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec
from aiohttp import web

from telemetry.catalogue.benchmarks import OPEN, WITH_TOKEN, ResultSource
from telemetry.errors import ErrorCode, Refusal
from telemetry.published.benchmark_reader import BenchmarkNumbers
from telemetry.web.answers import CORS_HEADERS, Answer, empty_answer, json_answer
from telemetry.web.api.declarations import SUMMARY
from telemetry.web.api.questions import BenchmarksQuestion, read_question
from telemetry.web.api.tables import csv_table
from telemetry.web.bodies import BodyReader
from telemetry.web.clients import ClientFinder, opted_out
from telemetry.web.known import is_known
from telemetry.web.routing import Routes
from telemetry.web.tokens import bearer_token, is_token

FEEDBACK_PATH = "/v1/feedback"
REPORT_BYTES_MAX = 1_048_576
"""The most bytes of a report."""
_MAX_AGE_S = 5


class FeedbackService(Protocol):
    """Stores reports and knows the public results."""

    async def accept_feedback(
        self, body: bytes, source: ResultSource, /, *, opted_out: bool, client: Callable[[], bytes]
    ) -> bytes:
        """Return the receipt for a report; raise ``Refusal`` if it is not stored."""
        ...

    async def benchmarks(self) -> BenchmarkNumbers:
        """Return the public results of benchmarks; raise ``Refusal`` if they cannot be read."""
        ...


class Feedback:
    """The handlers. Results that come with the ``token`` are public at once; if it is empty, every token is wrong.

    ``service`` is set before the first request.
    """

    service: Callable[[], FeedbackService]

    def __init__(
        self,
        bodies: BodyReader,
        clients: ClientFinder,
        *,
        token: str,
    ) -> None:
        self._bodies = bodies
        self._clients = clients
        self._token = token

    @property
    def routes(self) -> Routes:
        """The handlers by path and method."""
        return {FEEDBACK_PATH: {"POST": self._post}, SUMMARY.path: {"GET": self._get_summary}}

    async def _post(self, request: web.BaseRequest) -> Answer:
        source = self._source(request)
        body = await self._bodies.read(request)
        client = partial(self._clients.find, request)
        return json_answer(
            await self.service().accept_feedback(body, source, opted_out=opted_out(request), client=client)
        )

    def _source(self, request: web.BaseRequest) -> ResultSource:
        sent = bearer_token(request)
        if sent is None:
            return OPEN
        if not self._token or not is_token(sent, self._token):
            raise Refusal(ErrorCode.FEEDBACK_TOKEN_INVALID)
        return WITH_TOKEN

    async def _get_summary(self, request: web.BaseRequest) -> Answer:
        question = read_question(request.rel_url.query.items(), BenchmarksQuestion)
        numbers = await self.service().benchmarks()
        headers = CORS_HEADERS | {"ETag": f'"{numbers.name}"', "Cache-Control": f"public, max-age={_MAX_AGE_S}"}
        if is_known(headers["ETag"], request):
            return empty_answer(web.HTTPNotModified.status_code, headers)
        document = SUMMARY.read(numbers, question)
        if question.format == "csv":
            headers["Content-Type"] = "text/csv; charset=utf-8"
            return Answer(web.HTTPOk.status_code, csv_table(document), headers)
        return json_answer(msgspec.json.encode(document), headers=headers)
