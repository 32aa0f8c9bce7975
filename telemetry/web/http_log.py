"""What aiohttp logs of connections: neither addresses nor what was sent get into log lines."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class MalformedRequestFilter(logging.Filter):
    """Keeps the peer's address and the bytes it sent out of what aiohttp logs of malformed requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's content by a fixed sentence, or by the kind of error if it is another."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(error, HttpProcessingError):
            record.msg, record.args = "malformed HTTP was answered with 400", ()
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        else:
            record.msg, record.args = "a connection failed: %s", (type(error).__name__,)
        record.exc_info = record.exc_text = None
        return True


def keep_requests_out() -> None:
    """Filter the log of aiohttp's server from now on."""
    logging.getLogger("aiohttp.server").addFilter(MalformedRequestFilter())
