"""Receipts: what a batch is answered with once its events are durable."""

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.groups import Group, OutcomeListener, when_durable


@dataclass(slots=True, eq=False)
class PendingReceipt:
    """A receipt that waits for the groups of its batch. Awaiting it returns it, or raises ``Refusal``.

    Whoever answers many requests has itself told instead: a task for each of them, and what wakes it, cost a tenth of a
    small request.
    """

    receipt: bytes
    groups: Sequence[Group]

    def when_durable(self, tell: OutcomeListener) -> None:
        """Have ``tell`` called once: with None when the events are durable, or with why some are not."""
        when_durable(self.groups, tell)

    def __await__(self) -> Generator[asyncio.Future[None], None, bytes]:
        """Return the receipt when every event is durable; raise ``Refusal`` if some are not."""
        if code := (yield from outcome(self.groups)):
            raise Refusal(code)
        return self.receipt


def outcome(groups: Sequence[Group]) -> "asyncio.Future[ErrorCode | None]":
    """Return what becomes None when the events of all groups are durable, or why some are not."""
    # Everybody who waits has a future of their own: giving up cancels that one alone.
    waiting: asyncio.Future[ErrorCode | None] = asyncio.get_running_loop().create_future()

    def tell(code: ErrorCode | None) -> None:
        if not waiting.done():
            waiting.set_result(code)

    when_durable(groups, tell)
    return waiting
