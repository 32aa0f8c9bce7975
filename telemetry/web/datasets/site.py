"""PublicDatasets: answers ``/datasets/`` and what is below it."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from aiohttp import web

from telemetry.errors import ErrorCode, Refusal
from telemetry.web.answers import CORS_HEADERS, Answer, empty_answer
from telemetry.web.clients import ClientLimit
from telemetry.web.datasets.collection import DatasetCollection, OfferedDataset
from telemetry.web.datasets.pages import DATASETS_PATH, dataset_page, datasets_page
from telemetry.web.known import is_known
from telemetry.web.pages.layout import PAGE_HEADERS
from telemetry.web.pages.shelf import rendered
from telemetry.web.routing import Handler

_ADDRESS = re.compile(rf"{DATASETS_PATH[:-1]}(?:/([^/]*)(?:/(.*))?)?", re.DOTALL)
_MAX_AGE_S = 60
_TYPES = {
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
}
_Found = TypeVar("_Found")


class PublicDatasets:
    """Reads the folder in a thread, one request at a time. The size of a download counts against a client's rate."""

    def __init__(self, root: Path, limit: ClientLimit | None) -> None:
        self._collection = DatasetCollection(root)
        self._limit = limit
        self._reading = asyncio.Lock()

    def find(self, request: web.BaseRequest) -> tuple[str, Handler] | None:
        """Return the handler of an address, and the path that its requests are counted under."""
        found = _ADDRESS.fullmatch(request.rel_url.path_safe)
        if found is None or request.method not in ("GET", "HEAD"):
            return None
        name, place = (unquote(part or "") for part in found.groups())
        handler: Handler = self._get_list
        if place:
            handler = partial(self._get_file, name, place)
        elif name:
            handler = partial(self._get_card, name)
        return DATASETS_PATH, handler

    async def _get_list(self, request: web.BaseRequest) -> Answer:
        return await self._page(request, lambda: datasets_page(self._collection.all()))

    async def _get_card(self, name: str, request: web.BaseRequest) -> Answer:
        return await self._page(request, lambda: dataset_page(self._get(name)))

    def _get(self, name: str) -> OfferedDataset:
        one = self._collection.get(name)
        if one is None:
            raise Refusal(ErrorCode.NOT_FOUND)
        return one

    async def _get_file(self, name: str, place: str, request: web.BaseRequest) -> Answer:
        content, digest = await self._read(partial(self._collection.content, name, place))
        headers = {
            "Content-Type": _TYPES.get(Path(place).suffix, "text/plain; charset=utf-8"),
            "Content-Disposition": f'attachment; filename="{Path(place).name}"',
            "X-Content-Type-Options": "nosniff",
        }
        if self._limit is not None and request.method != "HEAD":
            self._limit.note_body(request, len(content))
        return _answer(request, content, f'"{digest[:32]}"', headers)

    async def _page(self, request: web.BaseRequest, make: Callable[[], bytes]) -> Answer:
        made = await self._read(lambda: rendered(make()))
        return _answer(request, made.body, made.etag, PAGE_HEADERS)

    async def _read(self, read: Callable[[], _Found]) -> _Found:
        async with self._reading:
            try:
                return await asyncio.to_thread(read)
            except OSError as error:
                raise Refusal(ErrorCode.NOT_FOUND) from error


def _answer(request: web.BaseRequest, body: bytes, etag: str, headers: dict[str, str]) -> Answer:
    headers = CORS_HEADERS | headers | {"ETag": etag, "Cache-Control": f"public, max-age={_MAX_AGE_S}"}
    if is_known(etag, request):
        return empty_answer(web.HTTPNotModified.status_code, headers)
    return Answer(web.HTTPOk.status_code, body, headers)
