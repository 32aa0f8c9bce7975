"""Any bytes on a connection: what the service promises of them."""

import asyncio
import contextlib
import logging
import re
import signal
from pathlib import Path
from typing import Any

from telemetry.app import serve
from telemetry.settings import Settings
from telemetry.web.http_log import FailedConnectionFilter

_FAILED = re.compile(rb"HTTP/1\.[01] 500")
# Whatever came before, after this no server waits for more, unless for a body that was announced.
_END = b"\r\n\r\n\x00 / HTTP/1.1\r\n\r\n"
_PATIENCE_S = 0.02


class HttpTarget(logging.Handler):
    """A whole service in this process, and a client that sends it bytes."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(logging.ERROR)
        self._complaints: list[str] = []
        self._failed = FailedConnectionFilter()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._complain)
        logging.getLogger().addHandler(self)
        logging.getLogger("aiohttp.server").addFilter(self._failed)
        settings = Settings(
            data_dir=str(data_dir), port=0, retention_days=36_500, trusted_proxies="127.0.0.1/32",
            rate_limit_requests_per_minute=1_000_000_000,
        )  # fmt: skip
        listening = self._loop.create_future()
        self._serving = self._loop.create_task(serve(settings, listening.set_result))
        self._port = int(self._loop.run_until_complete(listening).rpartition(":")[2])

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of what no input may cause."""
        self._complaints.append(self.format(record))

    def exchange(self, data: bytes, *, patience_s: float = _PATIENCE_S) -> bytes:
        """Send bytes and return what comes back in time; raise ``AssertionError`` if they did any harm."""
        received = self._loop.run_until_complete(self._exchange(data, patience_s))
        assert received == b"" or received.startswith(b"HTTP/1."), received[:200]
        assert not _FAILED.search(received), received[:500]
        assert not self._complaints, self._complaints
        assert not self._serving.done()
        return received

    def stop(self) -> None:
        """Stop the service as an operator would."""
        signal.raise_signal(signal.SIGTERM)
        self._loop.run_until_complete(self._serving)
        logging.getLogger().removeHandler(self)
        logging.getLogger("aiohttp.server").removeFilter(self._failed)
        self._loop.close()

    async def _exchange(self, data: bytes, patience_s: float) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        received = b""
        with contextlib.suppress(ConnectionError):
            # Sent with them, the end would have requests refused that came whole.
            for part in (data, _END):
                writer.write(part)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE_S if received or part is data else patience_s):
                        received += await reader.read(65_536)
        writer.transport.abort()
        return received

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._complaints.append(repr(context))
