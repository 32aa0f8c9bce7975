"""Routing: which handler answers a request, and that something answers whatever a request or its handler does.

Not aiohttp's router and middlewares: these answer an odd ``Expect`` on an unknown path before anything of ours is
asked, and cost each request more than all that is here.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.ledger import Ledger
from telemetry.web.answers import Answer, LaterAnswer, refusal_answer

logger = logging.getLogger(__name__)

# An ``Answer``, which is there already, and a ``LaterAnswer``, which says when it is, are sent without a task.
Handler = Callable[[web.BaseRequest], Awaitable[Answer]]
# Handlers by path and method; what answers GET answers HEAD.
Routes = Mapping[str, Mapping[str, Handler]]

OTHER = "other"


def find_route(routes: Routes, request: web.BaseRequest) -> tuple[str, Handler]:
    """Return the path of a request and its handler; paths that are not served all look the same."""
    # Most targets are a path that is served, as it stands there.
    path = request.raw_path
    methods = routes.get(path)
    if methods is None:
        path = request.rel_url.path_safe
        methods = routes.get(path)
    if methods is None:
        return OTHER, _refuse_path
    handler = methods.get("GET" if request.method == "HEAD" else request.method)
    return (path, handler) if handler is not None else (OTHER, partial(_refuse_method, methods))


def answered(request: web.BaseRequest, handler: Handler) -> Awaitable[Answer]:
    """Return the answer of a handler, or that to whatever it raises: as the handler returned it, or awaitable."""
    try:
        answer = handler(request)
    except Exception as error:
        return _failure_answer(error)
    return answer if isinstance(answer, Answer | LaterAnswer) else _awaited(answer)


async def _awaited(answer: Awaitable[Answer]) -> Answer:
    try:
        return await answer
    except Exception as error:
        return _failure_answer(error)


def _failure_answer(error: Exception) -> Answer:
    if isinstance(error, Refusal):
        return refusal_answer(error)
    if isinstance(error, ConnectionError | web.RequestPayloadError):
        # The client left before its request was complete: nobody reads this answer.
        return refusal_answer(Refusal(ErrorCode.INVALID_JSON))
    logger.error("request failed", exc_info=error)
    return refusal_answer(Refusal(ErrorCode.INTERNAL))


def note_answer(ledger: Ledger, path: str, answer: Answer) -> None:
    """Enter an answered request into the ledger."""
    ledger.answer(path, answer.status, answer.refused_with)


async def _refuse_path(_request: web.BaseRequest) -> Answer:
    raise Refusal(ErrorCode.NOT_FOUND)


async def _refuse_method(methods: Mapping[str, Handler], _request: web.BaseRequest) -> Answer:
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)
    return refusal_answer(Refusal(ErrorCode.METHOD_NOT_ALLOWED), {"Allow": ",".join(sorted(allowed))})
