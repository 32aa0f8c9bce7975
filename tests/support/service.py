"""The service inside a test's own process, with a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telemetry.clock import Clock
from telemetry.intake.service import TelemetryService
from telemetry.running import Running, running
from telemetry.settings import Settings

# Before any day that a test lives in.
MADE_AT = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


class HandClock:
    """A clock that stands still until it is moved; ``jump`` moves the wall clock alone.

    No background check becomes due by it, moved or not: a test calls the checks that it wants.
    """

    def __init__(self, start: str = "2026-11-23T12:00:00") -> None:
        self._wall = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
        self._monotonic = 1_000.0
        self.clock = Clock(
            now=lambda: self._wall,
            monotonic=lambda: self._monotonic,
            not_before=MADE_AT,
            timeout=lambda seconds: None if seconds else 0,
        )

    def pass_time(self, seconds: float) -> None:
        self._wall += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        self._wall += seconds

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self._wall, UTC)


@asynccontextmanager
async def service(data_dir: Path, hand: HandClock, **changes: Any) -> AsyncIterator[Running]:
    """Run the service without HTTP; it flushes at the end, or when many counters wait, and begins no other work."""
    settings = Settings(data_dir=str(data_dir), **({"flush_interval_s": 3600} | changes))
    async with running(settings, hand.clock) as started:
        yield started


async def accept(accepting: TelemetryService, body: bytes) -> bytes:
    """Have a body accepted by whoever awaits this; also what is refused at once is raised only then."""
    return await accepting.accept(body)
