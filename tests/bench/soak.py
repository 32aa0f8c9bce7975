"""The soak: load at four fifths of the maximum for a long time, with readers, slow clients and restarts.

The service is restarted on its listening socket in the middle of the load. Of each of its lives it is told whether it
ends as it began.
"""

import socket
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from tests.bench import corpus, targets
from tests.bench.log_reader import count_events, unflushed
from tests.bench.measure import Case, pace
from tests.bench.plan import PACED_BATCH, PACED_CONNECTIONS, Bench
from tests.bench.results import Life, Paced, Results, Soak
from tests.bench.server import PRODUCTION, SERVICE, ServerError
from tests.bench.usage import Held, held
from tests.support.server import ServerProcess
from tests.support.service_manager import ServiceManager, service_manager

SHARE_OF_MAXIMUM = 0.8
# A shared machine has fast moments. Only what it reaches each time is taken for its maximum.
_MAXIMUM_RUNS = 3
SLOW_CLIENTS = 16
MINUTE_S = 60
_SAMPLE_S = 2.0
_SNAPSHOT_S = 2.0
_HEAD = b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"


class Lives:
    """The processes of the service, one after the other on one socket, and what each held when."""

    def __init__(self, manager: ServiceManager, data_dir: Path) -> None:
        self._manager = manager
        self._data_dir = data_dir
        self._process = ExitStack()
        self._server: ServerProcess | None = None
        self._samples: list[list[tuple[float, Held, int]]] = []

    def begin(self) -> None:
        """Start the first process, or the next when the one before has stopped."""
        if self._server is not None and self._server.stop() != 0:
            raise ServerError("the service did not stop cleanly")
        self._process.close()
        self._server = self._process.enter_context(self._manager.serving(self._data_dir, *PRODUCTION))
        self._samples.append([])

    def end(self) -> None:
        """Stop the last process."""
        if self._server is not None and self._server.stop() != 0:
            raise ServerError("the service did not stop cleanly")
        self._process.close()

    def sample(self) -> None:
        """Note what the present process holds."""
        assert self._server is not None
        with suppress(OSError, KeyError):
            wal_bytes = sum(path.stat().st_size for path in self._data_dir.rglob("*-wal"))
            self._samples[-1].append((time.monotonic(), held(self._server.pid), wal_bytes))

    def lived(self) -> list[Life]:
        """Return how each process fared."""
        return [_life(samples) for samples in self._samples if samples]


def run(bench: Bench, results: Results, minutes: int, lives: int) -> None:
    """Soak for some minutes, shared by some lives of the service."""
    case = Case(targets.SERVICE, SERVICE, PACED_BATCH, PACED_CONNECTIONS)
    rate = min(bench.load(case).requests_per_s for _ in range(_MAXIMUM_RUNS)) * SHARE_OF_MAXIMUM
    events = int(rate * MINUTE_S) * PACED_BATCH
    corpora = [bench.corpus(PACED_BATCH, seed=700 + number, events=events) for number in range(corpora_needed(events))]
    data_dir = bench.scratch / "soaked"
    restarts = {minutes * number // lives for number in range(1, lives)}
    passed: list[Paced] = []
    with service_manager(bench.scratch) as manager, ThreadPoolExecutor() as threads:
        soaked = Lives(manager, data_dir)
        soaked.begin()
        with _companions(manager.port, data_dir, soaked.sample):
            for number in range(minutes):
                restarting = threads.submit(_after, MINUTE_S / 2, soaked.begin) if number in restarts else None
                batches = corpora[number % len(corpora)]
                passed.append(pace(manager.port, batches, batch=PACED_BATCH, rate=rate, run_s=MINUTE_S))
                if restarting is not None:
                    restarting.result()
                _tell(bench, number + 1, minutes, passed[-1], restarted=restarting is not None)
        soaked.end()
    if waiting := unflushed(data_dir):
        raise ServerError(f"{waiting} events were not counted at the end")
    acknowledged = sum(each.ingest.requests for each in passed) * PACED_BATCH
    missing = max(0, acknowledged - count_events(data_dir, {}))
    failed = sum(each.ingest.failed + each.stats.failed for each in passed)
    results.soak = Soak(rate, passed, soaked.lived(), failed, missing)


def corpora_needed(events: int) -> int:
    """Return how many corpora of so many events, one after the other, have no event that the service still knows."""
    return -(-corpus.FORGOTTEN_AFTER_EVENTS // events)


def _tell(bench: Bench, number: int, minutes: int, passed: Paced, *, restarted: bool) -> None:
    bench.tell(
        f"minute {number} of {minutes}: p50 {passed.ingest.p50_ms:.1f} ms, p99 {passed.ingest.p99_ms:.1f} ms, "
        f"{passed.ingest.failed} failed{', with a restart' if restarted else ''}"
    )


def _after(seconds: float, action: Callable[[], None]) -> None:
    time.sleep(seconds)
    action()


@contextmanager
def _companions(port: int, data_dir: Path, sample: Callable[[], None]) -> Iterator[None]:
    """Have slow clients, a reader with long snapshots, and somebody who takes notes, until the end of the block."""
    stop = threading.Event()
    companions = [threading.Thread(target=_trickle, args=(port, stop)) for _ in range(SLOW_CLIENTS)]
    companions.append(threading.Thread(target=_hold_snapshots, args=(data_dir, stop)))
    companions.append(threading.Thread(target=_repeat, args=(sample, stop)))
    for companion in companions:
        companion.start()
    try:
        yield
    finally:
        stop.set()
        for companion in companions:
            companion.join()


def _repeat(action: Callable[[], None], stop: threading.Event) -> None:
    while not stop.wait(_SAMPLE_S):
        action()


def _trickle(port: int, stop: threading.Event) -> None:
    """Send a body byte by byte until the server has had enough, again and again."""
    while not stop.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_HEAD)
            while not stop.wait(0.5):
                connection.sendall(b" ")


def _hold_snapshots(data_dir: Path, stop: threading.Event) -> None:
    while not stop.wait(_SNAPSHOT_S):
        for path in (data_dir / "events").glob("*.db"):
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
                connection.execute("BEGIN")
                connection.execute("SELECT max(id) FROM events").fetchone()
                stop.wait(_SNAPSHOT_S)


def _life(samples: Sequence[tuple[float, Held, int]]) -> Life:
    began, ended = samples[0][0], samples[-1][0]
    # In its first minute a process fills its windows and caches.
    first = [held for at, held, _ in samples if MINUTE_S <= at - began < 2 * MINUTE_S] or [samples[0][1]]
    last = [held for at, held, _ in samples if ended - at < MINUTE_S]
    return Life(
        seconds=ended - began,
        rss_mb_first=statistics.median(held.rss_bytes for held in first) / 1e6,
        rss_mb_last=statistics.median(held.rss_bytes for held in last) / 1e6,
        descriptors_first=int(statistics.median(held.descriptors for held in first)),
        descriptors_last=int(statistics.median(held.descriptors for held in last)),
        wal_mb_max=max(wal_bytes for _, _, wal_bytes in samples) / 1e6,
    )
