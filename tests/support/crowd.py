"""Installations that a service knows, whose clocks are right while the server's need not be."""

import json
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from telemetry.errors import ErrorCode, Refusal
from telemetry.running import Running
from tests.support.events import Fields, encode, make_event, timestamp
from tests.support.segments import DAY_S
from tests.support.service import HandClock

SIZE = 24
NETWORKS = 6


class Crowd:
    """Sends events of many installations from several networks. ``error_s`` is how far the server's clock is ahead."""

    def __init__(self, hand: HandClock, *, size: int = SIZE, networks: int = NETWORKS, seed: int = 1) -> None:
        self.hand = hand
        self.error_s = 0.0
        self.installations = [str(uuid.UUID(int=seed << 64 | number + 1, version=4)) for number in range(size)]
        self._networks = networks
        self._sent = 0

    async def become_known(self, started: Running) -> None:
        """Send once, and let the day pass."""
        assert await self.all_send(started) == [1] * len(self.installations)
        await started.publisher.flush()
        self.hand.pass_time(DAY_S)

    def set_wrong(self, error_s: float) -> None:
        """Have the server's clock ahead by so much, or behind if it is negative; 0 sets it right."""
        self.hand.jump(error_s - self.error_s)
        self.error_s = error_s

    async def all_send(self, started: Running, **changes: Any) -> list[int | None]:
        """Have each installation send a new event, one after the other; return what was processed of each."""
        return [await self.send(started, number, **changes) for number in range(len(self.installations))]

    async def send(self, started: Running, number: int, *, network: int | None = None, **changes: Any) -> int | None:
        """Have one installation send a new event; return how many were processed, or None if it was refused."""
        return await post(
            started, [self.event(number, **changes)], number % self._networks if network is None else network
        )

    def event(self, number: int, **changes: Any) -> Fields:
        """Return an event that happened a moment ago for the client, unlike all before."""
        self._sent += 1
        right = self.hand.now - timedelta(seconds=self.error_s)
        fields: Fields = {
            "installationId": self.installations[number],
            "timestamp": timestamp(right, milliseconds=-self._sent),
            "durationMs": self._sent,
        }
        return make_event(**(fields | changes))


async def post(started: Running, events: Iterable[Fields], network: int = 0) -> int | None:
    """Send a batch from a network; return how many events were processed, or None if it was refused for the clock."""
    client = network.to_bytes(4, "big")
    try:
        receipt = await started.service.accept(encode(list(events)), client=lambda: client)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.CLOCK:
            raise
        return None
    processed: int = json.loads(receipt)["eventsProcessed"]
    return processed
