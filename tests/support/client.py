"""A model of the deployed client: what it keeps, when it sends, and what it takes for success."""

import json
import time
from collections.abc import Iterable

from tests.support.events import Fields, encode
from tests.support.server import Answer, ServerProcess

TRY_TIMEOUT_S = 5.0
PAUSES_S = (1.0, 2.0)


class Client:
    """Queues events, and after each command sends its whole queue in up to three tries of the identical body.

    Only a 2xx with a JSON body empties the queue. ``pause_part`` shortens the pauses between tries.
    """

    def __init__(self, installation: str, *, pause_part: float = 1.0) -> None:
        self.installation = installation
        self.queue: list[Fields] = []
        self.answers: list[Answer] = []
        self._pause_part = pause_part

    def run_command(self, server: ServerProcess | None, events: Iterable[Fields]) -> bool:
        """Queue what a command recorded and submit the queue; without a server it is offline. Tell whether it got in.

        What was answered is in ``answers``; a try that got no answer is not.
        """
        self.queue += events
        body = encode(self.queue)
        for pause_s in (*PAUSES_S, 0.0):
            if server is not None and self._try(server, body):
                self.queue.clear()
                return True
            time.sleep(pause_s * self._pause_part if server is not None else 0.0)
        return False

    def _try(self, server: ServerProcess, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        try:
            answer = server.request("POST", "/v1/events", body, headers, timeout=TRY_TIMEOUT_S)
        except OSError:
            return False
        self.answers.append(answer)
        try:
            json.loads(answer.body)
        except ValueError:
            return False
        return 200 <= answer.status < 300
