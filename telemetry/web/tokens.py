"""Bearer tokens: what a request brings along to show that it comes from the operator."""

import hmac

from aiohttp import hdrs, web


def bearer_token(request: web.BaseRequest) -> bytes | None:
    """Return the token of a request, or None if it brings none along."""
    scheme, _, sent = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    # aiohttp reads header bytes that are no UTF-8 as surrogates.
    return sent.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else None


def is_token(sent: bytes | None, token: str) -> bool:
    """Tell whether what was sent is the token, in a time that does not depend on where it differs."""
    return sent is not None and hmac.compare_digest(sent, token.encode())
