"""What readers ask for: every address of the read API, and the pages and charts that the first page links to."""

import html
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from itertools import chain, cycle, islice
from random import Random

import msgspec

from telemetry.web.api.declarations import ENDPOINTS
from telemetry.web.api.questions import ListedQuestion
from tests.bench.server import ServerError

_LINKED = re.compile(r'(?:href|src)="(/(?:versions|categories|languages|releases|charts)/[^"#]+)"')
_TIMEOUT_S = 10.0
_ASKED_ALONE = 1_000
_HEAD = "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n{known}\r\n"


class Reads(msgspec.Struct, frozen=True):
    """A mix of requests, which is repeated for as long as it is asked for."""

    name: str
    mix: list[bytes]

    def requests(self, count: int) -> Iterator[bytes]:
        """Return so many requests."""
        return islice(cycle(self.mix), count)


def api_reads(port: int) -> Reads:
    """Return every address of the read API, as JSON and CSV, from clients that know the answer and that do not."""
    targets = []
    for endpoint in ENDPOINTS:
        for path in endpoint.readers():
            target = path + endpoint.example
            targets.append(target)
            if issubclass(endpoint.question, ListedQuestion):
                targets.append(f"{target}{'&' if endpoint.example else '?'}format=csv")
    return Reads("read API", _shuffled(chain.from_iterable(_asked(port, target) for target in targets)))


def page_views(port: int) -> Reads:
    """Return the first page as every other request, and between them what it links to: versions, categories, charts.

    All are rendered once before: that they are rendered anew after each publication, once a day, is not measured.
    """
    with closing(_connected(port)) as connection:
        page = _get(connection, "/")[1].decode()
    linked = sorted({html.unescape(found) for found in _LINKED.findall(page)})
    plain = _shuffled(_asked(port, target)[0] for target in linked)
    return Reads("page views", [request for other in plain for request in (_request("/"), other)])


class FirstPage(msgspec.Struct, frozen=True):
    """The first page as one client on one connection sees it, while nobody else asks; ``p50_ms`` is a median."""

    p50_ms: float
    size_bytes: int


def first_page(port: int) -> FirstPage:
    """Ask for the first page again and again."""
    took_s, size = [], 0
    with closing(_connected(port)) as connection:
        _get(connection, "/")
        for _ in range(_ASKED_ALONE):
            started_at = time.perf_counter()
            size = len(_get(connection, "/")[1])
            took_s.append(time.perf_counter() - started_at)
    return FirstPage(statistics.median(took_s) * 1e3, size)


def _asked(port: int, target: str) -> list[bytes]:
    with closing(_connected(port)) as connection:
        etag = _get(connection, target)[0].headers["ETag"]
    return [_request(target), _request(target, f"If-None-Match: {etag}\r\n")]


def _shuffled(requests: Iterator[bytes]) -> list[bytes]:
    mixed = list(requests)
    Random(0).shuffle(mixed)
    return mixed


def _request(target: str, known: str = "") -> bytes:
    return _HEAD.format(target=target, known=known).encode()


def _connected(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)


def _get(connection: HTTPConnection, target: str) -> tuple[HTTPResponse, bytes]:
    connection.request("GET", target)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise ServerError(f"{target} was answered with {response.status}: {body[:200]!r}")
    return response, body
