"""Bearer tokens: how a request shows that it comes from the operator."""

import hmac

from aiohttp import hdrs, web


def bearer_token(request: web.BaseRequest) -> bytes | None:
    """Return the token of a request, or None if it has none."""
    scheme, _, sent = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    # aiohttp decodes header bytes that are not UTF-8 as surrogates.
    return sent.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else None


def is_token(sent: bytes | None, token: str) -> bool:
    """Tell whether the sent token is right, in a time that does not depend on where it differs."""
    return sent is not None and hmac.compare_digest(sent, token.encode())
