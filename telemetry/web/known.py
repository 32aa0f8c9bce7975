"""Conditional requests: whether a client has a document already."""

from aiohttp import hdrs, web


def is_known(etag: str, request: web.BaseRequest) -> bool:
    """Tell whether a client has a document already, or any at all, which is ``*``."""
    sent = request.headers.get(hdrs.IF_NONE_MATCH)
    if sent is None:
        return False
    if sent == etag or sent.strip() == "*":
        return True
    return etag in [f'"{tag.value}"' for tag in request.if_none_match or ()]
