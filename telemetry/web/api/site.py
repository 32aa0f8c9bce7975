"""PublicApi: answers the read API from ``published.db`` alone, and sends that file."""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from aiohttp import web

from telemetry.errors import ErrorCode, Refusal
from telemetry.published.reading import no_numbers, reading_published
from telemetry.web.answers import CORS_HEADERS, Answer, empty_answer
from telemetry.web.api.declarations import ENDPOINTS, Endpoint
from telemetry.web.api.documents import Publication
from telemetry.web.api.download import Download
from telemetry.web.api.questions import ListedQuestion, Question, read_question
from telemetry.web.api.tables import csv_table
from telemetry.web.clients import ClientLimit
from telemetry.web.known import is_known
from telemetry.web.pages.shelf import Rendered, Shelf, rendered
from telemetry.web.routing import Routes

MAX_AGE_S = 60
DOWNLOAD_PATH = "/published.db"
_JSON = "application/json"
_CSV = "text/csv; charset=utf-8"


class PublicApi:
    """The handlers. Answers stay in a bounded memory until the next publication."""

    def __init__(self, published: Path, limit: ClientLimit | None) -> None:
        self._published = published
        self._shelf = Shelf(published)
        self._download = Download(published, limit)

    @property
    def routes(self) -> Routes:
        """The handlers by path and method."""
        read = {
            path: {"GET": partial(self._get, path, endpoint, reader)}
            for endpoint in ENDPOINTS
            for path, reader in endpoint.readers().items()
        }
        return {**read, DOWNLOAD_PATH: {"GET": self._download.get}}

    async def render(self, path: str, question: Question, reader: Callable[..., Publication]) -> Rendered:
        """Return the answer to a question; raise ``Refusal`` if the published numbers cannot be read."""
        key = f"{path}?{msgspec.json.encode(question).decode()}"
        try:
            return await self._shelf.get(key, lambda: self._read(question, reader))
        except (sqlite3.Error, OSError) as error:
            raise Refusal(ErrorCode.STORAGE_ERROR) from error

    async def _get(
        self, path: str, endpoint: Endpoint, reader: Callable[..., Publication], request: web.BaseRequest
    ) -> Answer:
        question = read_question(request.rel_url.query.items(), endpoint.question)
        made = await self.render(path, question, reader)
        return _answer(request, made, _CSV if is_csv(question) else _JSON)

    def _read(self, question: Question, reader: Callable[..., Publication]) -> Rendered:
        with reading_published(self._published) as published, no_numbers() as none:
            document = reader(published or none, question)
        return rendered(csv_table(document) if is_csv(question) else msgspec.json.encode(document))


def is_csv(question: Question) -> bool:
    """Tell whether rows are wanted as CSV."""
    return isinstance(question, ListedQuestion) and question.format == "csv"


def _answer(request: web.BaseRequest, made: Rendered, content_type: str) -> Answer:
    headers = CORS_HEADERS | {"ETag": made.etag, "Cache-Control": f"public, max-age={MAX_AGE_S}"}
    if is_known(made.etag, request):
        return empty_answer(web.HTTPNotModified.status_code, headers)
    return Answer(web.HTTPOk.status_code, made.body, headers | {"Content-Type": content_type})
