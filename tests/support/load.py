"""Load on a server process that may die at any moment, with a ledger of what was acknowledged."""

import http.client
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support import oracle, tally
from tests.support.events import Fields, Traffic, encode
from tests.support.server import Answer, ServerProcess

STARTED = datetime.now(UTC)
# Each client has timestamps of its own, one millisecond for each event, so that no two events are alike. With all
# clients they go back three days, which no service takes for too long ago, however large the seed is.
SECONDS_OF_A_CLIENT = 30
CLIENTS_MAX = 10_000

Identity = tuple[str, str, str, str]


class Ledger:
    """The events whose 200 arrived. Only these are an obligation, each as often as one batch had it.

    ``refused`` are the answers other than 200, ``unanswered`` the bodies that had none.
    """

    def __init__(self) -> None:
        self.acknowledged: dict[Identity, Fields] = {}
        self._copies: dict[Identity, int] = {}
        self.unanswered: list[bytes] = []
        self.refused: list[Answer] = []
        self._lock = threading.Lock()
        self._tallied = 0

    def post(self, connection: http.client.HTTPConnection, events: list[Fields]) -> None:
        """Send a batch; keep its body if no answer comes."""
        body = encode(events)
        try:
            connection.request("POST", "/v1/events", body)
            response = connection.getresponse()
            answer = Answer(response.status, dict(response.headers), response.read())
        except (OSError, http.client.HTTPException):
            with self._lock:
                self.unanswered.append(body)
            raise
        if answer.status == 200:
            assert answer.json == {"success": True, "eventsProcessed": len(events)}
            self.enter(events)
        else:
            self.refused.append(answer)

    def resend(self, server: ServerProcess) -> None:
        """Do what a client does whose reply was lost: send the same body again."""
        while self.unanswered:
            body = self.unanswered.pop()
            assert server.post(body).status == 200
            self.enter(json.loads(body)["events"])

    def check(self, data_dir: Path, **limits: Any) -> list[oracle.Raw]:
        """Assert that each acknowledged event is stored with an equal payload and no more often than it should be.

        Then the aggregates are checked.
        """
        stored = [*limits.get("gone", ()), *limits.get("forgotten", ()), *oracle.raw_events(data_dir)]
        found: dict[Identity, list[dict[str, Any]]] = defaultdict(list)
        for raw in stored:
            found[raw.type, raw.timestamp, raw.installation_id, raw.drift_version].append(raw.payload)
        twice = [name for name, payloads in found.items() if len(payloads) > self._copies.get(name, 1)]
        lost = [name for name, own in self.acknowledged.items() if found[name].count(own) < self._copies[name]]
        new = len(self.acknowledged) - self._tallied
        self._tallied += new
        tally.current().add(acknowledged=new, lost=len(lost), double_counted=len(twice))
        assert not twice, f"stored twice: {twice[:3]}"
        assert not lost, f"acknowledged, but not stored: {lost[:3]}"
        return oracle.check(data_dir, **limits)

    def release(self, taken_back: Iterable[oracle.Raw]) -> None:
        """Note that some events are no obligation any more."""
        for raw in taken_back:
            self.acknowledged.pop((raw.type, raw.timestamp, raw.installation_id, raw.drift_version), None)

    def enter(self, events: list[Fields]) -> None:
        """Note that a batch was acknowledged."""
        with self._lock:
            copies: Counter[Identity] = Counter()
            for event in events:
                own_fields = dict(event)
                identity = tuple(
                    own_fields.pop(name) for name in ("type", "timestamp", "installationId", "driftVersion")
                )
                self.acknowledged[identity] = own_fields
                copies[identity] += 1
                self._copies[identity] = max(copies[identity], self._copies.get(identity, 0))


@contextmanager
def load(server: ServerProcess, ledger: Ledger, *, seed: int, clients: int = 4) -> Iterator[None]:
    """Post small batches from several connections until the end of the block or of the server."""
    stop = threading.Event()

    def client(number: int) -> None:
        own_seconds = timedelta(seconds=(seed * 10 + number) % CLIENTS_MAX * SECONDS_OF_A_CLIENT)
        traffic = Traffic(seed=seed * 10 + number, installations=3, moment=STARTED - own_seconds)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            while not stop.is_set():
                ledger.post(connection, traffic.batch(3))
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
