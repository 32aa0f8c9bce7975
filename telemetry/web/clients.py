"""Clients: which network a request comes from, and the answer to one that sends too fast."""

import logging
from collections.abc import Callable, Sequence

from aiohttp import hdrs, web

from telemetry.errors import ErrorCode, Refusal
from telemetry.networks import Networks, client_network, parse_address, parse_hop
from telemetry.rate_limit import RateLimiter
from telemetry.web.answers import refusal_answer

logger = logging.getLogger(__name__)

# Other methods cost no more to answer than to refuse, and so does health, which a flood must not hide.
_COUNTED_METHODS = frozenset({"GET", "HEAD", "POST"})
_EXEMPT_PATHS = frozenset({"/v1/health"})
# Chains of proxies are not longer; headers of strangers may be.
_HOPS_MAX = 16
_UNKNOWN = b""
_OPT_OUT_HEADERS = ("DNT", "Sec-GPC")


def find_client(peer: str | None, forwarded: Sequence[str], trusted: Networks) -> bytes:
    """Return the network of the peer or, where that is a trusted proxy, of the rightmost hop that is not one.

    ``forwarded`` holds the lines of X-Forwarded-For. A hop that is no address ends the search at the one before it. A
    peer without an address is a program of this machine on a Unix socket: a proxy, or else one client with all others.
    """
    if peer is None:
        # The connection was lost so early that nobody knows from where it came.
        return _UNKNOWN
    address = parse_address(peer)
    if address is None or address in trusted:
        for text in reversed(",".join(forwarded).rsplit(",", _HOPS_MAX)):
            hop = parse_hop(text.strip())
            if hop is None:
                break
            address = hop
            if address not in trusted:
                break
    return _UNKNOWN if address is None else client_network(address)


def opted_out(request: web.BaseRequest) -> bool:
    """Tell whether a request asks not to be tracked, by ``DNT: 1`` or ``Sec-GPC: 1``."""
    headers = request.headers
    return any(value.strip() == "1" for name in _OPT_OUT_HEADERS for value in headers.getall(name, ()))


class ClientFinder:
    """Finds the network that a request comes from, behind ``trusted_proxies`` too."""

    def __init__(self, trusted_proxies: Networks) -> None:
        self._trusted_proxies = trusted_proxies

    def find(self, request: web.BaseRequest) -> bytes:
        """Return the network, which must be neither kept nor logged as it is."""
        forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
        return find_client(request.remote, forwarded, self._trusted_proxies)


class ClientLimit:
    """Keeps each client network within its rate; neither keeps nor logs an address."""

    def __init__(self, limiter: RateLimiter, clients: ClientFinder, monotonic: Callable[[], float]) -> None:
        self.limiter = limiter
        self._clients = clients
        self._monotonic = monotonic

    def refusal(self, request: web.BaseRequest) -> web.Response | None:
        """Count a request, before its body is read; return the answer if it is one too many."""
        if request.method not in _COUNTED_METHODS or request.path in _EXEMPT_PATHS:
            return None
        wait_s = self.limiter.wait_s(self._clients.find(request), self._monotonic())
        if not wait_s:
            return None
        answer = refusal_answer(_too_fast(wait_s))
        if not request.content.is_eof():
            # The rest of the body would have to be read only to be thrown away.
            answer.force_close()
        return answer

    def charge(self, request: web.BaseRequest, requests: int) -> None:
        """Count that many requests for one that was admitted already; raise ``Refusal`` if they are too many."""
        if wait_s := self.limiter.charge_s(self._clients.find(request), requests, self._monotonic()):
            raise _too_fast(wait_s)


def _too_fast(wait_s: float) -> Refusal:
    logger.warning("a client sends too fast and is refused; if that is a proxy, name it in trusted_proxies")
    return Refusal(ErrorCode.RATE_LIMITED, retry_after_s=wait_s)
