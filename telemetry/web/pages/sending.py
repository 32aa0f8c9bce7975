"""Sending: how documents are answered with, whole or as known already."""

from dataclasses import dataclass, field
from functools import lru_cache

from aiohttp import web

from telemetry.web.answers import CORS_HEADERS, Answer
from telemetry.web.known import is_known
from telemetry.web.pages.shelf import KEPT_MAX, Rendered


@dataclass(frozen=True, eq=False, slots=True)
class Sending:
    """How documents of one kind are sent: for how long readers may keep them, and with which headers.

    The headers of ``body`` are left out where there is no body, because the reader has it.
    """

    max_age_s: int
    headers: dict[str, str]
    body: dict[str, str] = field(default_factory=dict)

    def answer(self, request: web.BaseRequest, made: Rendered, status: int = web.HTTPOk.status_code) -> Answer:
        """Return the answer with a document, or without its body if the reader has it."""
        if is_known(made.etag, request):
            return Answer(web.HTTPNotModified.status_code, b"", _headers(self, made.etag, False))
        return Answer(status, made.body, _headers(self, made.etag, True))


@lru_cache(maxsize=2 * KEPT_MAX)
def _headers(sending: Sending, etag: str, has_body: bool) -> dict[str, str]:
    return (
        CORS_HEADERS
        | sending.headers
        | {"ETag": etag, "Cache-Control": f"public, max-age={sending.max_age_s}"}
        | (sending.body if has_body else {})
    )
