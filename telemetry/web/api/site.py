"""PublicApi: answers the read API from ``published.db`` alone, and sends that file."""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
from aiohttp import web
from yarl import query_to_pairs

from telemetry.errors import ErrorCode, Refusal
from telemetry.published.reading import no_numbers, reading_published
from telemetry.web.answers import Answer
from telemetry.web.api.declarations import ENDPOINTS, Endpoint
from telemetry.web.api.documents import Publication
from telemetry.web.api.download import Download
from telemetry.web.api.questions import ListedQuestion, Question, read_question
from telemetry.web.api.tables import csv_table
from telemetry.web.clients import ClientLimit
from telemetry.web.pages.sending import Sending
from telemetry.web.pages.shelf import Rendered, Shelf, rendered
from telemetry.web.remembered import remembered
from telemetry.web.routing import Routes

MAX_AGE_S = 60
DOWNLOAD_PATH = "/published.db"
_JSON = Sending(MAX_AGE_S, {}, {"Content-Type": "application/json"})
_CSV = Sending(MAX_AGE_S, {}, {"Content-Type": "text/csv; charset=utf-8"})


class PublicApi:
    """The handlers. Answers stay in a bounded memory until the next publication."""

    def __init__(
        self, published: Path, limit: ClientLimit | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._published = published
        self._shelf = Shelf(published, monotonic)
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
        try:
            return await self._shelf.get(_key(path, question), lambda: self._read(question, reader))
        except (sqlite3.Error, OSError) as error:
            raise Refusal(ErrorCode.STORAGE_ERROR) from error

    def _get(
        self, path: str, endpoint: Endpoint, reader: Callable[..., Publication], request: web.BaseRequest
    ) -> Awaitable[Answer]:
        question, key = _asked(path, request.rel_url.raw_query_string, endpoint.question)
        made = self._shelf.find(key)
        return self._render(path, question, reader, request) if made is None else _answer(request, made, question)

    async def _render(
        self, path: str, question: Question, reader: Callable[..., Publication], request: web.BaseRequest
    ) -> Answer:
        return _answer(request, await self.render(path, question, reader), question)

    def _read(self, question: Question, reader: Callable[..., Publication]) -> Rendered:
        with reading_published(self._published) as published, no_numbers() as none:
            document = reader(published or none, question)
        return rendered(csv_table(document) if is_csv(question) else msgspec.json.encode(document))


def is_csv(question: Question) -> bool:
    """Tell whether rows are wanted as CSV."""
    return isinstance(question, ListedQuestion) and question.format == "csv"


def _key(path: str, question: Question) -> str:
    return f"{path}?{msgspec.json.encode(question).decode()}"


@remembered
def _asked(path: str, query: str, kind: type[Question]) -> tuple[Question, str]:
    """Return what an address asks, and the key of the answer; raise ``Refusal`` if it may not be asked."""
    question = read_question(query_to_pairs(query), kind)
    return question, _key(path, question)


def _answer(request: web.BaseRequest, made: Rendered, question: Question) -> Answer:
    return (_CSV if is_csv(question) else _JSON).answer(request, made)
