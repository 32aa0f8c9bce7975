"""A year in a minute: everything that happens to a service in more than a year, and every number right at its end."""

import random
import resource
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from telemetry.errors import ErrorCode, Refusal
from telemetry.storage.eraser import ErasureRequest, Kind
from telemetry.tasks.retention import INTERVAL_S
from tests.support import oracle, tally
from tests.support.commands import succeed
from tests.support.events import Fields, Traffic, encode
from tests.support.faults import crash_image
from tests.support.segments import DAY_S, is_sealed, segment
from tests.support.service import HandClock, service

START = "2025-10-01T08:00:00"
INSTALLATIONS_AT_ONCE = 6
VANDAL, LEAVING = "c" * 32, "d" * 32


@contextmanager
def no_room() -> Iterator[None]:
    """Let this process write nothing to any file, as if its disks were full, until the end of the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


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
        await self._send(self._batch(installation or self._whose_turn()))

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

    def assert_acknowledged(self, day: str, held: list[oracle.Raw]) -> None:
        """Assert that a day holds what was acknowledged on it and nothing else, but for those who were erased."""
        found, acknowledged = [as_sent(raw) for raw in held], self._acknowledged.pop(day)
        expected = [event for event in acknowledged if event["installationId"] not in {VANDAL, LEAVING}]
        lost = sum(event not in found for event in expected)
        tally.current().add(acknowledged=len(expected), lost=lost, double_counted=len(found) + lost - len(expected))
        assert found == expected, day

    async def be_killed(self) -> None:
        """Go on from what a kill would leave now."""
        await self.send()
        self._images += 1
        image = crash_image(self.data_dir, self._folder / str(self._images))
        await self.stop()
        shutil.rmtree(self.data_dir)
        self.data_dir = image
        await self.start()
        await self.send_again()

    async def have_a_full_disk(self) -> None:
        """Have no room for a batch or a flush, and then some again."""
        await self.send()
        batch = self._batch(self._whose_turn())
        with no_room():
            with pytest.raises(Refusal) as refused:
                await self._send(batch)
            with pytest.raises(sqlite3.Error):
                await self.running.publisher.flush()
        assert refused.value.code == ErrorCode.STORAGE_FULL
        await self._send(batch)

    async def jump(self) -> None:
        """Have the clock two days ahead for a while."""
        self.hand.jump(2 * DAY_S)
        await self.send()
        await self.running.upkeep.sealer.check()
        self.hand.jump(-2 * DAY_S)
        await self.send()

    async def exclude(self) -> None:
        await self.send(VANDAL)
        await self.send()
        await self.running.upkeep.eraser.erase(ErasureRequest(VANDAL, Kind.EXCLUDE))

    async def forget(self) -> None:
        await self.send(LEAVING)
        await self.send()
        await self.running.publisher.flush()
        self.forgotten += [raw for raw in oracle.raw_events(self.data_dir) if raw.installation_id == LEAVING]
        await self.running.upkeep.eraser.erase(ErasureRequest(LEAVING, Kind.FORGET))

    async def be_restored(self) -> None:
        """Be saved, lose everything, and come back."""
        await self.stop()
        succeed("backup", self._folder / "backups", "--data-dir", self.data_dir)
        shutil.rmtree(self.data_dir)
        succeed("restore", self._folder / "backups", "--data-dir", self.data_dir)
        await self.start()

    def _whose_turn(self) -> str:
        # None is silent for so long that retention takes it away, and it would be new when it comes back.
        self._installations.append(self._installations.pop(0))
        return self._installations[-1]

    async def _send(self, batch: list[Fields]) -> None:
        await self.running.service.accept(encode(batch))
        self._acknowledged.setdefault(self.today.isoformat(), []).extend(batch)
        self._latest = batch
        # The timestamps of the next batch are others.
        self.hand.pass_time(1)

    def _batch(self, installation: str) -> list[Fields]:
        traffic = Traffic(seed=self._random.getrandbits(60), moment=self.hand.now)
        return [event | {"installationId": installation} for event in traffic.batch(self._random.randint(2, 6))]

    def _newcomer(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128)))


@pytest.mark.case(19, 20, 27)
@pytest.mark.parametrize(
    ("days", "retention_days"), [(14, 5), pytest.param(400, 90, marks=pytest.mark.torture)], ids=["fortnight", "year"]
)
async def test_every_number_is_right_after_everything_that_can_happen(
    tmp_path: Path, days: int, retention_days: int, seed: int
) -> None:
    year = Year(tmp_path, retention_days=retention_days, seed=seed)
    incidents = [
        year.be_killed, year.have_a_full_disk, year.exclude, year.jump, year.be_killed, year.forget, year.be_restored,
    ]  # fmt: skip
    await year.start()
    for number in range(days):
        # Each of them once, and later ones again, but for those that are for good. An exclusion subtracts only what
        # raw events are there of, so it comes before any is removed.
        if number % 2 == 0 and incidents:
            await incidents.pop(0)()
        elif number % 40 == 39:
            await year.be_killed()
            await year.jump()
        if number % 50 == 49:
            await year.have_a_full_disk()
        if number % 7 == 6:
            await year.send()
            await year.send_again()
        await year.live_a_day()
    for _ in range(3):
        await year.send()
        await year.let_pass(INTERVAL_S)
    last = year.today
    await year.stop()
    left = {path.name for path in (year.data_dir / "events").iterdir()}

    lived = oracle.check(year.data_dir, gone=year.gone, forgotten=year.forgotten, erased=True)
    assert len(lived) > days * 4
    wanted = [(last - timedelta(days=ago)).isoformat() for ago in range(retention_days, 0, -1)]
    assert [day for day in year.days if day < last.isoformat()] == wanted
    assert left == {"witness", *(f"{day}.db" for day in year.days)}
    assert all(is_sealed(segment(year.data_dir, day)) for day in wanted)
    held = oracle.raw_events(year.data_dir)
    for day in year.days:
        year.assert_acknowledged(day, [raw for raw in held if raw.day == day])
    assert "something needs you" not in succeed("check", "--data-dir", year.data_dir)
