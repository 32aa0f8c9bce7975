"""Request bodies: read whole, within a size and a time."""

import asyncio

from aiohttp import web

from telemetry.errors import ErrorCode, Refusal


async def continue_reading(request: web.Request) -> None:
    """Ask for the body of a client that waits to be asked; any other expectation is met by the answer itself."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def read_body(request: web.Request, *, bytes_max: int, timeout_s: float) -> bytes:
    """Return the body of a request; raise ``Refusal`` if it is too large, too slow or compressed.

    The application's ``client_max_size`` stops bodies that do not announce their length.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Refusal(ErrorCode.UNSUPPORTED_ENCODING)
    if (request.content_length or 0) > bytes_max:
        raise Refusal(ErrorCode.TOO_LARGE, limit=bytes_max)
    try:
        if request.content.is_eof():
            # It came with its headers, as most do: there is nothing to wait for.
            return await request.read()
        async with asyncio.timeout(timeout_s):
            return await request.read()
    except TimeoutError:
        raise Refusal(ErrorCode.BODY_TIMEOUT, limit=timeout_s) from None
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(ErrorCode.TOO_LARGE, limit=bytes_max) from None
