"""More than a year of a service's life, a day at a time."""

import random
import uuid
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path

from tests.support import oracle, tally
from tests.support.events import Fields, Traffic, encode, installation_id
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

START = "2025-10-01T08:00:00"
INSTALLATIONS_AT_ONCE = 6
VANDAL, LEAVING = installation_id(1), installation_id(2)


def as_sent(raw: oracle.Raw) -> Fields:
    """Return the event that a row was made from."""
    return {
        "type": raw.type,
        "timestamp": raw.timestamp,
        "installationId": raw.installation_id,
        "driftVersion": raw.drift_version,
        **raw.payload,
    }


class Year:
    """Lives through days. It remembers what was acknowledged, and what is not in the log any more for a good reason."""

    def __init__(self, folder: Path, *, retention_days: int, seed: int) -> None:
        self.hand = HandClock(START)
        self.data_dir = folder / "0"
        self.gone: list[oracle.Raw] = []
        self.forgotten: list[oracle.Raw] = []
        # Days on which nothing could be accepted.
        self.silent: set[str] = set()
        self._folder = folder
        self._retention_days = retention_days
        self._random = random.Random(seed)
        self._acknowledged: dict[str, list[Fields]] = {}
        self._latest: list[Fields] = []
        self._installations = [self._newcomer() for _ in range(INSTALLATIONS_AT_ONCE)]
        self._stack = AsyncExitStack()
        self._images = 0

    @property
    def today(self) -> date:
        return self.hand.now.date()

    @property
    def days(self) -> list[str]:
        """Those that have events."""
        return sorted(self._acknowledged)

    async def start(self) -> None:
        running = service(self.data_dir, self.hand, retention_days=self._retention_days)
        self.running = await self._stack.enter_async_context(running)

    async def stop(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def send(self, installation: str | None = None) -> None:
        await self.send_batch(self.batch(installation or self.whose_turn()))

    async def send_again(self) -> None:
        """Do what a client does whose answer was lost."""
        await self.running.service.accept(encode(self._latest))

    async def live_a_day(self) -> None:
        """Send and let the day pass; installations come and go."""
        for _ in range(self._random.randint(2, 4)):
            await self.send()
            self.hand.pass_time(600)
        if self._random.random() < 0.3:
            self._installations[self._random.randrange(INSTALLATIONS_AT_ONCE)] = self._newcomer()
        # In sum less than a day, so that none is left out.
        await self.let_pass(DAY_S - 3_000)

    async def let_pass(self, seconds: float) -> None:
        """Flush, and after some time seal what is over and remove what is too old."""
        await self.running.publisher.flush()
        self.hand.pass_time(seconds)
        await self.running.upkeep.sealer.check()
        await self.retire()

    async def retire(self) -> bool:
        """Let retention take one segment, and remember what was in it."""
        oldest, *_ = sorted((self.data_dir / "events").glob("*.db"))
        held = [raw for raw in oracle.raw_events(self.data_dir) if raw.day == oldest.stem]
        await self.running.upkeep.retention.check()
        if oldest.exists():
            return False
        self.assert_acknowledged(oldest.stem, held)
        self.gone += held
        return True

    def acknowledge(self, batch: list[Fields]) -> None:
        """Remember events that were accepted now."""
        self._acknowledged.setdefault(self.today.isoformat(), []).extend(batch)

    def assert_acknowledged(self, day: str, held: list[oracle.Raw]) -> None:
        """Assert that a day holds what was acknowledged on it and nothing else, but for those who were erased."""
        found, acknowledged = [as_sent(raw) for raw in held], self._acknowledged.pop(day)
        expected = [event for event in acknowledged if event["installationId"] not in {VANDAL, LEAVING}]
        lost = sum(event not in found for event in expected)
        tally.current().add(acknowledged=len(expected), lost=lost, double_counted=len(found) + lost - len(expected))
        assert found == expected, day

    def whose_turn(self) -> str:
        # None is silent for so long that retention takes it away, and it would be new when it comes back.
        self._installations.append(self._installations.pop(0))
        return self._installations[-1]

    async def send_batch(self, batch: list[Fields]) -> None:
        await self.running.service.accept(encode(batch))
        self.acknowledge(batch)
        self._latest = batch
        # The timestamps of the next batch are others.
        self.hand.pass_time(1)

    def batch(self, installation: str) -> list[Fields]:
        traffic = Traffic(seed=self._random.getrandbits(60), moment=self.hand.now)
        return [event | {"installationId": installation} for event in traffic.batch(self._random.randint(2, 6))]

    def _newcomer(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
