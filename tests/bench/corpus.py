"""A corpus: a file of whole HTTP requests, made before the clock runs, each of them to be sent once or after very long.

Every request follows its length in eight digits and a line feed, so that a generator of load needs to copy it only.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from telemetry.settings import Settings
from tests.bench.events import POPULATION, EventSource, MadeEvent, Population

PREFIX_BYTES = 9
# The service remembers up to a third more events than it promises. After so many, one is new when it is sent again.
FORGOTTEN_AFTER_EVENTS = Settings().resend_window_events * 8 // 5

_HEAD = (
    "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
    "Accept: */*\r\nAccept-Language: *\r\nUser-Agent: node\r\nAccept-Encoding: gzip, deflate\r\n"
    "Content-Length: {length}\r\n\r\n"
)
STATS_REQUEST = b"GET /v1/stats HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"


def write_batches(path: Path, *, seed: int, batch: int, events: int, population: Population = POPULATION) -> None:
    """Write requests that carry ``events`` events in batches of one size."""
    write(path, (_request(made) for made in EventSource(seed, population).batches(batch, events)))


def write(path: Path, requests: Iterable[bytes]) -> None:
    """Write a corpus."""
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%08d\n%b" % (len(request), request))


def read(path: Path) -> Iterator[bytes]:
    """Yield the requests of a corpus."""
    with path.open("rb") as file:
        while prefix := file.read(PREFIX_BYTES):
            yield file.read(int(prefix))


def _request(events: list[MadeEvent]) -> bytes:
    body = f'{{"events":[{",".join([event.json() for event in events])}]}}'
    return (_HEAD.format(length=len(body)) + body).encode()
