"""Answers: the one place where codes become HTTP statuses, and where every answer gets its headers."""

import asyncio
import math
import mmap
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

import orjson
from aiohttp.helpers import rfc822_formatted_time

from telemetry.errors import ErrorCode, Refusal
from telemetry.operator_errors import (
    ConflictError,
    InUseError,
    LimitReachedError,
    OperatorError,
    StoppedError,
    StorageFailedError,
    StorageFullError,
    meaning,
)

RETRY_AFTER_S = 5

STATUSES: dict[ErrorCode, int] = {
    ErrorCode.EVENTS_REQUIRED: 400,
    ErrorCode.TOO_MANY_EVENTS: 400,
    ErrorCode.INVALID_JSON: 400,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.CHUNKS_TOO_SMALL: 400,
    ErrorCode.UNSUPPORTED_ENCODING: 415,
    ErrorCode.BODY_TIMEOUT: 408,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.BUSY: 503,
    ErrorCode.STORAGE_FULL: 503,
    ErrorCode.STORAGE_ERROR: 503,
    ErrorCode.CLOCK: 503,
    ErrorCode.FEEDBACK_INVALID: 400,
    ErrorCode.TOO_MANY_RESULTS: 400,
    ErrorCode.REPORT_TOO_LARGE: 413,
    ErrorCode.FEEDBACK_TOKEN_INVALID: 401,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.ERASURE_INVALID: 400,
    ErrorCode.ORDER_INVALID: 400,
    ErrorCode.PARAMETER_INVALID: 400,
    ErrorCode.NOT_PUBLISHED: 404,
    ErrorCode.FILE_TOO_LARGE: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.INTERNAL: 500,
}
# For the operator; all others are failures of the server.
OPERATOR_STATUSES: dict[type[OperatorError], int] = {
    InUseError: 503,
    ConflictError: 503,
    StoppedError: 503,
    StorageFailedError: 503,
    StorageFullError: 503,
    LimitReachedError: 409,
}
# After these, what is left of the body would have to be read only to be thrown away.
_CLOSING = {
    ErrorCode.TOO_LARGE,
    ErrorCode.REPORT_TOO_LARGE,
    ErrorCode.CHUNKS_TOO_SMALL,
    ErrorCode.BODY_TIMEOUT,
    ErrorCode.UNSUPPORTED_ENCODING,
}

CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
}
_JSON_HEADERS = CORS_HEADERS | {"Content-Type": "application/json"}
# Without version numbers: they tell an attacker which known faults to try.
SERVER = "drift-telemetry"
_WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


@dataclass(slots=True)
class Answer:
    """What a request is answered with; the connection adds its own headers when it sends the answer.

    ``keep_alive`` is whether the client may send another request on the same connection. ``refused_with`` is the code
    of a refusal, for the ledger. A handler that need not wait returns its answer itself, where others return a
    coroutine; awaiting either gives the answer.
    """

    status: int
    body: bytes | mmap.mmap = b""
    headers: dict[str, str] = field(default_factory=dict)
    keep_alive: bool = True
    refused_with: ErrorCode | None = None

    def __await__(self) -> Generator[None, None, "Answer"]:
        """Return the answer, without waiting."""
        yield from ()
        return self

    def force_close(self) -> None:
        """Have the connection closed after this answer."""
        self.keep_alive = False

    def head(self, is_http11: bool, keepalive_timeout_s: float) -> bytes:
        """Return the status line and all headers, with the empty line."""
        fixed = _fixed_lines(
            self.status, tuple(self.headers.items()), is_http11, keepalive_timeout_s if self.keep_alive else 0
        )
        length = "" if self.status in _WITHOUT_BODY else f"Content-Length: {len(self.body)}\r\n"
        return f"{fixed}{length}Date: {rfc822_formatted_time()}\r\n\r\n".encode()


class LaterAnswer:
    """An answer that is given later, to those who wait for it. Awaiting it returns it."""

    __slots__ = ("_answer", "_waiting")

    def __init__(self) -> None:
        self._answer: Answer | None = None
        self._waiting: list[Callable[[Answer], object]] = []

    def when_given(self, tell: Callable[[Answer], object]) -> None:
        """Have ``tell`` called with the answer, after those who asked before; at once if it is there."""
        if self._answer is None:
            self._waiting.append(tell)
        else:
            tell(self._answer)

    def give(self, answer: Answer) -> None:
        """Give the answer, once."""
        self._answer = answer
        for tell in self._waiting:
            tell(answer)

    def __await__(self) -> Generator[asyncio.Future[Answer], None, Answer]:
        """Return the answer when it is given."""
        given: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def tell(answer: Answer) -> None:
            if not given.done():
                given.set_result(answer)

        self.when_given(tell)
        return (yield from given)


# Twice as many as documents are kept: each has an answer with its body and one without.
@lru_cache(maxsize=2_048)
def _fixed_lines(
    status: int,
    headers: tuple[tuple[str, str], ...],
    is_http11: bool,
    kept_s: float,
) -> str:
    lines = [*headers, ("Server", SERVER)]
    if not kept_s:
        lines.append(("Connection", "close"))
    elif not is_http11:
        lines.append(("Connection", "keep-alive"))
    # Clients close a little earlier, so that none sends a request while the server closes.
    if seconds := int(kept_s):
        lines.append(("Keep-Alive", f"timeout={seconds}"))
    first = f"HTTP/1.{is_http11:d} {status} {HTTPStatus(status).phrase}"
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in lines), ""])


def json_answer(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer that holds encoded JSON."""
    return Answer(status, body, _JSON_HEADERS | headers if headers else _JSON_HEADERS)


def empty_answer(status: int, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer without a body."""
    return Answer(status, b"", CORS_HEADERS | headers if headers else CORS_HEADERS)


def text_answer(status: int, sentence: str) -> Answer:
    """Return an answer to what is not HTTP as this server speaks it; the connection is closed after it."""
    body = f"{sentence}\n".encode()
    return Answer(status, body, {"Content-Type": "text/plain; charset=utf-8"}, keep_alive=False)


def refusal_answer(refusal: Refusal, headers: dict[str, str] | None = None) -> Answer:
    """Return what a client is told when its whole request is refused."""
    status, headers = STATUSES[refusal.code], dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    body = orjson.dumps({"error": refusal.sentence, "code": refusal.code})
    answer = json_answer(body, status=status, headers=headers)
    answer.refused_with = refusal.code
    if refusal.code in _CLOSING:
        answer.force_close()
    return answer


def operator_answer(error: OperatorError) -> Answer:
    """Return what an operator is told whose request failed: the sentence, and the code that its meaning has."""
    body = orjson.dumps({"error": str(error), "code": meaning(error).code})
    return json_answer(body, status=OPERATOR_STATUSES.get(type(error), 500))
