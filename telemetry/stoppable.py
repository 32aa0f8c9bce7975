"""Work that goes on when its client leaves, and that a stop ends between two steps."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class StoppableWork:
    """Base of what carries out long orders. Each order looks at ``_stop`` between its steps."""

    def __init__(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Ask what is under way to end soon."""
        self._stop.set()

    async def close(self) -> None:
        """Stop, and return when nothing is under way any more."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _carried_out(self, order: Coroutine[Any, Any, _Result]) -> Awaitable[_Result]:
        """Begin an order, and return what waits for its result; to cancel the waiting does not end the order."""
        task = asyncio.create_task(order)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return asyncio.shield(task)
