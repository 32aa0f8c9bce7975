"""Download: the file of public numbers as it is, so that anybody can run queries of their own."""

import mmap
from pathlib import Path

from aiohttp import web

from telemetry.errors import ErrorCode, Refusal
from telemetry.web.answers import CORS_HEADERS, Answer, empty_answer
from telemetry.web.clients import ClientLimit
from telemetry.web.known import is_known

DOWNLOAD_BYTES_MAX = 256 * 1024**2
"""Years of windows are some ten megabytes; what is larger keeps the line from others."""
_TYPE = "application/vnd.sqlite3"


class Download:
    """Sends the file, piece by piece from the page cache. A client's rate counts it by its size."""

    def __init__(self, published: Path, limit: ClientLimit | None, *, bytes_max: int = DOWNLOAD_BYTES_MAX) -> None:
        self._published = published
        self._limit = limit
        self._bytes_max = bytes_max

    async def get(self, request: web.BaseRequest) -> Answer:
        """Answer with the file; raise ``Refusal`` if there is none yet, or if it is too large."""
        try:
            with self._published.open("rb") as file:
                # The mapping outlives the descriptor, and the file's name: a new publication is a file of its own.
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                status = self._published.stat()
        except FileNotFoundError as error:
            raise Refusal(ErrorCode.NOT_PUBLISHED) from error
        if len(mapped) > self._bytes_max:
            raise Refusal(ErrorCode.FILE_TOO_LARGE, limit=self._bytes_max)
        etag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{len(mapped):x}"'
        headers = CORS_HEADERS | {"ETag": etag, "Cache-Control": "public, max-age=60"}
        if is_known(etag, request):
            return empty_answer(web.HTTPNotModified.status_code, headers)
        if self._limit is not None and request.method != "HEAD":
            self._limit.note_body(request, len(mapped))
        disposition = 'attachment; filename="published.db"'
        return Answer(
            web.HTTPOk.status_code, mapped, headers | {"Content-Type": _TYPE, "Content-Disposition": disposition}
        )
