"""A flood: clients that together send more than a narrow queue holds, and go on when they are refused."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.support.admin import scrape
from tests.support.events import Traffic, encode
from tests.support.load import SECONDS_OF_A_CLIENT, STARTED, Ledger
from tests.support.server import Answer, ServerProcess

CLIENTS = 12
BATCH_EVENTS = 10
QUEUE_EVENTS_MAX = 60
NARROW_QUEUE = ("--queue-events-max", str(QUEUE_EVENTS_MAX), "--batch-events-max", str(BATCH_EVENTS))


def code(answer: Answer) -> str:
    """Return the code of a refusal, or nothing for a 200."""
    return "" if answer.status == 200 else f"{answer.status} {answer.json['code']}"


class Flood:
    """Clients that post until told to stop: how they were answered, and how late the latest 200 came."""

    def __init__(self, server: ServerProcess, ledger: Ledger) -> None:
        self.answers: list[Answer] = []
        self.latest_s = 0.0
        self._server = server
        self._ledger = ledger
        self._stop = threading.Event()

    @property
    def taken(self) -> int:
        """How many batches were answered with 200."""
        return sum(answer.status == 200 for answer in self.answers)

    @property
    def codes(self) -> list[str]:
        """The code of each answer."""
        return [code(answer) for answer in self.answers]

    def pour(self, until: Callable[[], bool]) -> list[float]:
        """Flood until something is true; return the lengths of the queue that were seen meanwhile."""
        lengths = []
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._client, number) for number in range(CLIENTS)]
            while not until() and not any(client.done() for client in clients):
                lengths.append(scrape(self._server.data_dir).value("queue_events"))
                time.sleep(0.02)
            self._stop.set()
            for client in clients:
                client.result()
        return lengths

    def _client(self, number: int) -> None:
        own_seconds = timedelta(seconds=(number + 1) * SECONDS_OF_A_CLIENT)
        traffic = Traffic(seed=number, moment=STARTED - own_seconds)
        while not self._stop.is_set():
            batch = traffic.batch(BATCH_EVENTS)
            started = time.monotonic()
            answer = self._server.post(encode(batch))
            if answer.status == 200:
                self.latest_s = max(self.latest_s, time.monotonic() - started)
                self._ledger.enter(batch)
            else:
                time.sleep(0.05)
            self.answers.append(answer)
