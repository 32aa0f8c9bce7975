"""Connections that have had their last answer: they are read for a moment longer, and what arrives is thrown away.

To close a connection while its client sends resets it, and the client loses the answer that it has not read.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass

LINGER_S = 1.0
# A client that refuses to look before it has sent everything has mostly a few megabytes.
LINGER_BYTES_MAX = 16_777_216
LINGERING_MAX = 256


@dataclass(slots=True)
class _Ending:
    transport: asyncio.Transport
    closing: asyncio.TimerHandle
    bytes_left: int


class Lingering:
    """Ends connections so that their clients can read why: each within a second and 16 MiB, 256 of them at a time."""

    def __init__(self) -> None:
        self._endings: dict[Hashable, _Ending] = {}

    def begin(self, connection: Hashable, transport: asyncio.Transport) -> bool:
        """Send nothing more and wait for the client to stop; return False if too many connections do that already."""
        if len(self._endings) >= LINGERING_MAX or not transport.can_write_eof() or transport.is_closing():
            return False
        try:
            transport.write_eof()
        except OSError:
            # The client has reset the connection, and nobody has read that yet.
            return False
        closing = asyncio.get_running_loop().call_later(LINGER_S, transport.close)
        self._endings[connection] = _Ending(transport, closing, LINGER_BYTES_MAX)
        transport.resume_reading()
        return True

    def took(self, connection: Hashable, received: int) -> bool:
        """Tell whether a connection is ending, so that what it received is of no interest."""
        if not self._endings or (ending := self._endings.get(connection)) is None:
            return False
        ending.bytes_left -= received
        if ending.bytes_left < 0:
            ending.transport.close()
        return True

    def end(self, connection: Hashable) -> None:
        """Close a connection now if it is ending."""
        if ending := self._endings.get(connection):
            ending.transport.close()

    def lost(self, connection: Hashable) -> None:
        """Forget a connection that is closed."""
        if ending := self._endings.pop(connection, None):
            ending.closing.cancel()
