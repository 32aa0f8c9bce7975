"""Posting batches to a running service, no faster than told."""

import time
import urllib.error
import urllib.request
from typing import Any

import orjson

from telemetry import __version__
from telemetry.clock import Clock
from telemetry.operator_errors import UnavailableError

_TIMEOUT_S = 30
_TRIES_MAX = 5
_RETRY_AFTER_S_MAX = 60
_RETRIED = {429, 503}


class Poster:
    """Posts events to one service, on the average at most ``rate`` a second; the service may ask for patience."""

    def __init__(self, url: str, rate: float, clock: Clock) -> None:
        self._url = url
        self._rate = rate
        self._clock = clock
        self._started = clock.monotonic()
        self._posted = 0

    def post(self, events: list[dict[str, Any]]) -> None:
        """Return when a batch has been accepted; raise ``OperatorError`` if it is not."""
        time.sleep(max(self._started + self._posted / self._rate - self._clock.monotonic(), 0))
        body = orjson.dumps({"events": events})
        for _ in range(_TRIES_MAX):
            wait_s = self._try(body)
            if wait_s is None:
                self._posted += len(events)
                return
            time.sleep(wait_s)
        raise UnavailableError(f"{self._url} has had no room for {_TRIES_MAX} tries: lower --rate")

    def _try(self, body: bytes) -> float | None:
        """Return None if the batch was accepted, or for how long to wait before another try."""
        headers = {"Content-Type": "application/json", "User-Agent": f"drift-telemetry/{__version__}"}
        request = urllib.request.Request(f"{self._url}/v1/events", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in _RETRIED:
                    raise UnavailableError(
                        f"{self._url} answers with {error.code}: see that a service listens there"
                    ) from None
                return min(float(error.headers.get("Retry-After", 1)), _RETRY_AFTER_S_MAX)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise UnavailableError(
                f"cannot post to {self._url} ({reason}): see that a service listens there"
            ) from error
        return None
