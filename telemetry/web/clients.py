"""Clients: which network a request comes from, and the answer to one that sends too fast."""

import logging
from collections.abc import Callable, Iterable

from aiohttp import web

from telemetry.errors import ErrorCode, Refusal
from telemetry.networks.addresses import Networks, client_network, parse_address
from telemetry.networks.forwarded import hop_reader
from telemetry.web.answers import Answer, refusal_answer
from telemetry.web.rate_limit import RateLimiter

logger = logging.getLogger(__name__)

# Other methods cost no more to answer than to refuse, and so does asking for health, which a flood must not hide.
_COUNTED_METHODS = frozenset({"GET", "HEAD", "POST"})
_EXEMPT_PATHS = frozenset({"/v1/health"})
# Fifty times what clients usually send.
_BODY_BYTES_OF_A_REQUEST = 65_536
_UNKNOWN = b""
_OPT_OUT_HEADERS = ("DNT", "Sec-GPC")


def find_client(peer: str | None, hops: Iterable[bytes | None], trusted: Networks) -> bytes:
    """Return the address of the peer or, where that is a trusted proxy, of the nearest hop that is not one.

    ``hops`` are those of a header, the nearest first. One that is not an address ends the search at the one before it.
    A peer without an address is a program of this machine on a Unix socket, and trusted. What has no address is empty.
    """
    if peer is None:
        # The connection was lost so early that nobody knows from where it came.
        return _UNKNOWN
    address = parse_address(peer)
    if address is None or address in trusted:
        for hop in hops:
            if hop is None:
                break
            address = hop
            if address not in trusted:
                break
    return _UNKNOWN if address is None else address


def opted_out(request: web.BaseRequest) -> bool:
    """Tell whether a request asks not to be tracked, by ``DNT: 1`` or ``Sec-GPC: 1``."""
    headers = request.headers
    return any(value.strip() == "1" for name in _OPT_OUT_HEADERS if name in headers for value in headers.getall(name))


class ClientRequest(web.BaseRequest):
    """A request. ``peer_network`` is found once for all requests of a connection; it is None if the peer is a proxy."""

    peer_network: bytes | None = None


class ClientFinder:
    """Finds who sends a request: the peer, or whom a trusted proxy names in the one header that is believed.

    What it returns must be neither kept nor logged as it is.
    """

    def __init__(self, trusted_proxies: Networks, header: str) -> None:
        self.header = header
        self._read_hops = hop_reader(header)
        self._trusted_proxies = trusted_proxies

    def find(self, request: web.BaseRequest) -> bytes:
        """Return the network of the client."""
        if isinstance(request, ClientRequest) and request.peer_network is not None:
            return request.peer_network
        return client_network(self._address(request))

    def peer_network(self, peer: str | None) -> bytes | None:
        """Return the network of a peer, or None if that is a trusted proxy, whose connections are those of many."""
        address = parse_address(peer or "")
        return None if address is None or address in self._trusted_proxies else client_network(address)

    def is_proxy(self, request: web.BaseRequest) -> bool:
        """Tell whether a request is taken for a trusted proxy's own, because no header names its client."""
        address = self._address(request)
        return address == _UNKNOWN or address in self._trusted_proxies

    def _address(self, request: web.BaseRequest) -> bytes:
        lines = request.headers.getall(self.header, ())
        # Most requests come without the header, and to read none costs as much as to read one.
        hops = self._read_hops(lines) if lines else ()
        return find_client(request.remote, hops, self._trusted_proxies)


class ClientLimit:
    """Keeps each client network within its rate; neither keeps nor logs an address."""

    def __init__(self, limiter: RateLimiter, clients: ClientFinder, monotonic: Callable[[], float]) -> None:
        self.limiter = limiter
        self._clients = clients
        self._monotonic = monotonic

    def refusal(self, request: web.BaseRequest) -> Answer | None:
        """Count a request, before its body is read; return the answer if it is one too many."""
        if request.method not in _COUNTED_METHODS or (request.method != "POST" and request.path in _EXEMPT_PATHS):
            return None
        wait_s = self.limiter.wait_s(self._clients.find(request), self._monotonic())
        if not wait_s:
            return None
        answer = refusal_answer(self._too_fast(request, wait_s))
        if not request.content.is_eof():
            # The rest of the body would have to be read only to be thrown away.
            answer.force_close()
        return answer

    def charge(self, request: web.BaseRequest, requests: int) -> None:
        """Count that many requests for one that was admitted already; raise ``Refusal`` if they are too many."""
        if wait_s := self.limiter.charge_s(self._clients.find(request), requests, self._monotonic()):
            raise self._too_fast(request, wait_s)

    def note_body(self, request: web.BaseRequest, size: int, *, comes_again: bool = False) -> None:
        """Count a large body as one more request for each 64 KiB: it costs as much to receive and to look at.

        One that was refused and ``comes_again`` counts for no more than lets it come again at once.
        """
        requests = size // _BODY_BYTES_OF_A_REQUEST
        if comes_again:
            requests = min(requests, self.limiter.spare)
        if requests:
            self.limiter.owe(self._clients.find(request), requests, self._monotonic())

    def _too_fast(self, request: web.BaseRequest, wait_s: float) -> Refusal:
        if self._clients.is_proxy(request):
            logger.warning(
                "a trusted proxy sends too fast and is refused with all clients that it does not name in %s; have it"
                " set that header, or set client_address_header to the one that it sets",
                self._clients.header,
            )
        else:
            logger.warning("a client sends too fast and is refused; if that is a proxy, name it in trusted_proxies")
        return Refusal(ErrorCode.RATE_LIMITED, retry_after_s=wait_s)
