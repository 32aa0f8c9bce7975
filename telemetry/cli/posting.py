"""Posting batches to a running service, as fast as it takes them."""

import json
import time
import urllib.error
import urllib.request
from typing import NamedTuple

from telemetry import __version__
from telemetry.operator_errors import UnavailableError

_TIMEOUT_S = 30
_TRIES_MAX = 5
_RETRY_AFTER_S_MAX = 60
_RETRIED = {429, 503}
_ANSWER_BYTES_MAX = 65_536


class _Later(NamedTuple):
    """An answer that asks to try again after some seconds, and the sentence that it gives as the reason."""

    wait_s: float
    sentence: str


class Poster:
    """Posts bodies to one address, one at a time, and waits when the service asks for it."""

    def __init__(self, address: str, *, advice: str) -> None:
        self._address = address
        self._advice = advice

    def post(self, body: bytes) -> bytes:
        """Return the receipt of a body that was accepted; raise ``UnavailableError`` if it is not.

        If the service asks to try again later, posting is tried five times, at the times that the service names. After
        that, the error ends with ``advice`` for the operator.
        """
        later = _Later(0.0, "")
        for _ in range(_TRIES_MAX):
            time.sleep(later.wait_s)
            answered = self._try(body)
            if isinstance(answered, bytes):
                return answered
            later = answered
        raise UnavailableError(f"{later.sentence} ({_TRIES_MAX} tries): {self._advice}")

    def _try(self, body: bytes) -> bytes | _Later:
        """Return the receipt, or when to try again."""
        headers = {"Content-Type": "application/json", "User-Agent": f"drift-telemetry/{__version__}"}
        request = urllib.request.Request(self._address, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                receipt: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                refusal = self._refusal(error)
                if error.code not in _RETRIED:
                    raise UnavailableError(refusal) from None
                return _Later(_wait_s(error.headers.get("Retry-After")), refusal)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise UnavailableError(
                f"cannot post to {self._address} ({reason}): see that a service listens there"
            ) from error
        return receipt

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        try:
            sentence = str(json.loads(error.read(_ANSWER_BYTES_MAX))["error"])
        except (ValueError, KeyError, TypeError, OSError):
            sentence = "see that a service listens there"
        return f"{self._address} answers with {error.code}: {sentence}"


def _wait_s(retry_after: str | None) -> float:
    """Return the seconds of a Retry-After header; 1 if it holds anything else, such as a date."""
    try:
        return min(max(float(retry_after or 1), 0.0), _RETRY_AFTER_S_MAX)
    except ValueError:
        return 1.0
