"""The origin of examples: pages say to send requests to where the reader's own request went."""

import hashlib
import re
from functools import lru_cache

from aiohttp import web

from telemetry.web.pages.shelf import Rendered

ORIGIN_PLACE = "http://origin.invalid"
"""Stands in pages that are kept; ``with_origin`` puts the address of the service there."""
_MARK = ORIGIN_PLACE.encode()
# A Host header may be anything. A line to paste into a shell may name a host and a port, and nothing else.
_is_host = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?").fullmatch


def origin_of(request: web.BaseRequest) -> str:
    """Return the scheme, host and port that a request was sent to, as far as it and a proxy before the service say."""
    scheme = "https" if request.headers.get("X-Forwarded-Proto", request.scheme) == "https" else "http"
    if _is_host(request.host):
        return f"{scheme}://{request.host}"
    socket = request.transport.get_extra_info("sockname") if request.transport is not None else None
    # The name of a Unix socket is a path.
    return f"http://localhost:{socket[1]}" if isinstance(socket, tuple) else "http://localhost"


def with_origin(made: Rendered, request: web.BaseRequest) -> Rendered:
    """Return a page whose examples name the service as the request did; its ETag changes with that."""
    if not _has_examples(made):
        return made
    origin = origin_of(request).encode()
    name = hashlib.sha256(origin).hexdigest()[:8]
    return Rendered(made.body.replace(_MARK, origin), f'{made.etag[:-1]}-{name}"', made.is_there)


# A front page for each span, and the reference.
@lru_cache(maxsize=8)
def _has_examples(made: Rendered) -> bool:
    return _MARK in made.body
