"""What a connection has received of a request that is not complete."""

from aiohttp import StreamReader
from aiohttp.streams import EMPTY_PAYLOAD

# All headers of a request together. Proxies and servers elsewhere take 8 to 64 KB.
HEAD_BYTES_MAX = 32_768
# What chunks may add to a body: each of them costs as much as a thousand bytes.
_FRAMING_BYTES_MAX = 65_536
_FRAMING_PART_MAX = 16


def received_bytes_max(body_bytes: int) -> int:
    """Return how much may be received of a request with a body of so many bytes."""
    return HEAD_BYTES_MAX + body_bytes + _framing_bytes_max(body_bytes)


class Incoming:
    """Counts what is received and not handed on: ``bytes`` of an incomplete head or, with its head, body.

    ``content`` is the body of the last request whose head is complete. When requests and parts of others arrive at
    once, more may be counted than there is, until the next request is complete.
    """

    __slots__ = ("_fed", "_head_bytes", "_is_open", "bytes", "content")

    def __init__(self) -> None:
        self.bytes = 0
        self.content: StreamReader = EMPTY_PAYLOAD
        self._is_open = False
        self._fed = 0
        self._head_bytes = 0

    def add(self, data: bytes, content: StreamReader | None) -> None:
        """Count what was received and parsed; ``content`` is the body of the last head that ended with it, if any."""
        was_open, fed = self._is_open, self._fed
        if content is not None:
            self.content = content
        self._fed, self._is_open = self.content.total_bytes, not self.content.is_eof()
        head_bytes, self._head_bytes = self._head_bytes, 0
        if self._is_open:
            # Whatever came before it in the same read is complete.
            before = len(data) if content is None else min(len(data) - self._fed, HEAD_BYTES_MAX) + self._fed
            self.bytes += before
        elif content is not None:
            self.bytes = max(0, len(data) - self._fed - data.find(b"\r\n\r\n") - 4)
        elif was_open:
            self.bytes = max(0, len(data) - (self._fed - fed))
        else:
            self.bytes += len(data)
            self._head_bytes = head_bytes + len(data)

    @property
    def head_is_too_large(self) -> bool:
        """Whether all headers together are more than a request may have."""
        return self._head_bytes > HEAD_BYTES_MAX

    @property
    def chunks_are_too_small(self) -> bool:
        """Whether most of what arrives is not the body but what stands around its chunks."""
        return self._is_open and self.bytes > received_bytes_max(self._fed)


def _framing_bytes_max(body_bytes: int) -> int:
    return _FRAMING_BYTES_MAX + body_bytes // _FRAMING_PART_MAX
