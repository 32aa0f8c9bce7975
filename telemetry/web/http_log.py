"""What aiohttp logs of connections that fail: neither addresses nor what was sent get into log lines."""

import logging


class FailedConnectionFilter(logging.Filter):
    """Keeps the peer's address and the bytes it sent out of what aiohttp logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's content by the kind of error."""
        error = record.exc_info[1] if record.exc_info else None
        record.msg, record.args = "a connection failed: %s", (type(error).__name__,)
        record.exc_info = record.exc_text = None
        return True


def keep_requests_out() -> None:
    """Filter the log of aiohttp's server from now on."""
    logging.getLogger("aiohttp.server").addFilter(FailedConnectionFilter())
