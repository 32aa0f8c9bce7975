"""Explanations: pages and documents about the API and the events, made from their declarations."""

import asyncio
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from telemetry.catalogue.events import json_schema
from telemetry.catalogue.schema_v2 import json_schema_v2
from telemetry.web.answers import CORS_HEADERS, Answer, empty_answer
from telemetry.web.api.declarations import ENDPOINTS
from telemetry.web.api.openapi import OPENAPI_PATH, openapi_document
from telemetry.web.api.questions import read_question
from telemetry.web.api.reference import DOCS_PATH, docs_page
from telemetry.web.api.site import MAX_AGE_S, PublicApi
from telemetry.web.known import is_known
from telemetry.web.pages.layout import PAGE_HEADERS
from telemetry.web.pages.origin import with_origin
from telemetry.web.pages.privacy import PRIVACY_PATH, Keeping, privacy_page
from telemetry.web.pages.shelf import Rendered, rendered
from telemetry.web.routing import Routes

SCHEMA_PATH = "/schema"
SCHEMA_V2_PATH = "/schema/v2"
_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Explanations:
    """Answers ``/docs``, ``/privacy``, ``/schema``, ``/schema/v2`` and ``/openapi.json``."""

    def __init__(self, api: PublicApi, keeping: Keeping) -> None:
        self._api = api
        # The reference with the answers that are in it.
        self._docs: tuple[dict[str, bytes], Rendered] | None = None
        json = CORS_HEADERS | {"Content-Type": "application/json"}
        schemas = {SCHEMA_PATH: json_schema(), SCHEMA_V2_PATH: json_schema_v2()}
        self._fixed = {
            OPENAPI_PATH: (rendered(openapi_document()), json),
            **{path: (_schema(schema), json | {"Content-Type": "application/schema+json"})
               for path, schema in schemas.items()},
            PRIVACY_PATH: (rendered(privacy_page(keeping)), PAGE_HEADERS),
        }  # fmt: skip

    @property
    def routes(self) -> Routes:
        """The handlers by path and method."""
        fixed = {path: {"GET": partial(self._get_fixed, path)} for path in self._fixed}
        return {**fixed, DOCS_PATH: {"GET": self._get_docs}}

    async def _get_fixed(self, path: str, request: web.BaseRequest) -> Answer:
        return _answer(request, *self._fixed[path])

    async def _get_docs(self, request: web.BaseRequest) -> Answer:
        answers = {}
        for endpoint in ENDPOINTS:
            path, _, query = endpoint.example_path.partition("?")
            sent = [tuple(pair.split("=", 1)) for pair in query.split("&")] if query else []
            question = read_question(((name, value) for name, value in sent), endpoint.question)
            made = await self._api.render(path, question, endpoint.readers()[path])
            answers[endpoint.path] = made.body
        if self._docs is None or self._docs[0] != answers:
            self._docs = answers, rendered(await asyncio.to_thread(docs_page, answers))
        return _answer(request, with_origin(self._docs[1], request), PAGE_HEADERS)


def _schema(schema: dict[str, Any]) -> Rendered:
    return rendered(msgspec.json.encode({"$schema": _SCHEMA_DIALECT, "title": "An event of Drift"} | schema))


def _answer(request: web.BaseRequest, made: Rendered, headers: dict[str, str]) -> Answer:
    headers = headers | {"ETag": made.etag, "Cache-Control": f"public, max-age={MAX_AGE_S}"}
    if is_known(made.etag, request):
        return empty_answer(web.HTTPNotModified.status_code, headers)
    return Answer(web.HTTPOk.status_code, made.body, headers)
