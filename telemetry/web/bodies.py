"""Request bodies: read whole, within a size and a time."""

import asyncio
import logging

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

from telemetry.errors import ErrorCode, Refusal

logger = logging.getLogger(__name__)


class BodyReader:
    """Reads bodies of up to ``bytes_max`` within ``timeout_s``; ``too_large`` is the code of those above."""

    def __init__(self, *, bytes_max: int, timeout_s: float, too_large: ErrorCode = ErrorCode.TOO_LARGE) -> None:
        self.bytes_max = bytes_max
        self._timeout_s = timeout_s
        self._code = too_large

    def received(self, request: web.BaseRequest) -> bytes | None:
        """Return the body of a request, or None while it arrives.

        Raises ``Refusal`` if it is too large or compressed.
        """
        if _is_encoded(request):
            raise Refusal(ErrorCode.UNSUPPORTED_ENCODING)
        announced = request.content_length or 0
        if announced > self.bytes_max:
            raise self._too_large(announced)
        if not request.content.is_eof():
            return None
        body = request.content.read_nowait()
        if len(body) > self.bytes_max:
            raise self._too_large(len(body))
        return body

    async def read(self, request: web.BaseRequest) -> bytes:
        """Return the body of a request; raise ``Refusal`` if it is too large, too slow or compressed.

        While they arrive, the request's own ``client_max_size`` stops bodies that do not announce their length. A
        client that waits to be asked for its body is asked; any other expectation is met by the answer itself.
        """
        body = self.received(request)
        if body is None:
            if request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await self._receive(request)
            if len(body) > self.bytes_max:
                raise self._too_large(len(body))
        return body

    async def _receive(self, request: web.BaseRequest) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await request.read()
        except TimeoutError:
            raise Refusal(ErrorCode.BODY_TIMEOUT, limit=self._timeout_s) from None
        except web.HTTPRequestEntityTooLarge:
            # Nobody knows how much more there would have been.
            raise self._too_large(self.bytes_max + 1) from None

    def _too_large(self, size: int) -> Refusal:
        if self._code is ErrorCode.TOO_LARGE:
            logger.warning(
                "a body was refused for its size: raise body_bytes_max if clients are stuck",
                extra={"bytes": size, "body_bytes_max": self.bytes_max},
            )
        return Refusal(self._code, limit=self.bytes_max)


def _is_encoded(request: web.BaseRequest) -> bool:
    """Tell whether a body is compressed or the like: its header is one list, however many lines that has."""
    if hdrs.CONTENT_ENCODING not in request.headers:
        return False
    lines = request.headers.getall(hdrs.CONTENT_ENCODING)
    return any(coding.strip().lower() not in {"", "identity"} for line in lines for coding in line.split(","))
