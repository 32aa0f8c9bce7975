"""Answers: the one place where codes become HTTP statuses, and where every answer gets its headers."""

import math

import orjson
from aiohttp import web

from telemetry.errors import ErrorCode, Refusal

RETRY_AFTER_S = 5

STATUSES: dict[ErrorCode, int] = {
    ErrorCode.EVENTS_REQUIRED: 400,
    ErrorCode.TOO_MANY_EVENTS: 400,
    ErrorCode.INVALID_JSON: 400,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_ENCODING: 415,
    ErrorCode.BODY_TIMEOUT: 408,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.BUSY: 503,
    ErrorCode.STORAGE_FULL: 503,
    ErrorCode.STORAGE_ERROR: 503,
    ErrorCode.CLOCK: 503,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.ERASURE_INVALID: 400,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.INTERNAL: 500,
}
# After these, what is left of the body would have to be read only to be thrown away.
_CLOSING = {ErrorCode.TOO_LARGE, ErrorCode.BODY_TIMEOUT, ErrorCode.UNSUPPORTED_ENCODING}

# What a refusal notes on its answer, for the ledger.
REFUSED_WITH = web.ResponseKey("refused_with", ErrorCode)

CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
}
_JSON_HEADERS = CORS_HEADERS | {"Content-Type": "application/json"}


def json_answer(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer that holds encoded JSON."""
    return web.Response(body=body, status=status, headers=_JSON_HEADERS | (headers or {}))


def empty_answer(status: int, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer without a body."""
    return web.Response(status=status, headers=CORS_HEADERS | (headers or {}))


def refusal_answer(refusal: Refusal, headers: dict[str, str] | None = None) -> web.Response:
    """Return what a client is told when its whole request is refused."""
    status, headers = STATUSES[refusal.code], dict(headers or {})
    if status == web.HTTPServiceUnavailable.status_code:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    body = orjson.dumps({"error": refusal.sentence, "code": refusal.code})
    answer = json_answer(body, status=status, headers=headers)
    answer[REFUSED_WITH] = refusal.code
    if refusal.code in _CLOSING:
        answer.force_close()
    return answer
