"""A year in a minute: everything that happens to a service in more than a year, and every number right at its end."""

import random
import shutil
import uuid
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path

import pytest

from telemetry.errors import Refusal
from telemetry.storage.eraser import ErasureRequest, Kind
from telemetry.tasks.retention import INTERVAL_S
from tests.support import oracle, tally
from tests.support.commands import succeed
from tests.support.events import Fields, Traffic, encode
from tests.support.faults import crash_image, failing
from tests.support.segments import DAY_S, is_sealed, segment
from tests.support.service import HandClock, service

START = "2025-10-01T08:00:00"
INSTALLATIONS_AT_ONCE = 6
VANDAL, LEAVING = "c" * 32, "d" * 32


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
        self._acknowledged: dict[str, set[tuple[str, ...]]] = {}
        self._installations = [self._newcomer() for _ in range(INSTALLATIONS_AT_ONCE)]
        self._stack = AsyncExitStack()
        self._images = 0

    @property
    def today(self) -> date:
        return self.hand.now.date()

    async def start(self) -> None:
        running = service(self.data_dir, self.hand, retention_days=self._retention_days)
        self.running = await self._stack.enter_async_context(running)

    async def stop(self) -> None:
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def send(self, installation: str | None = None) -> None:
        batch = self._batch(installation or self._random.choice(self._installations))
        await self.running.service.accept(encode(batch))
        stored = self._acknowledged.setdefault(self.today.isoformat(), set())
        stored.update((event["type"], event["timestamp"], event["installationId"]) for event in batch)

    async def live_a_day(self) -> None:
        """Send, seal what is over, remove what is too old; installations come and go."""
        for _ in range(self._random.randint(2, 4)):
            await self.send()
            self.hand.pass_time(600)
        if self._random.random() < 0.3:
            self._installations[self._random.randrange(INSTALLATIONS_AT_ONCE)] = self._newcomer()
        await self.running.publisher.flush()
        self.hand.pass_time(DAY_S - 2_400)
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
        """Assert that a day holds what was acknowledged on it, but for those who were erased."""
        found = {(raw.type, raw.timestamp, raw.installation_id) for raw in held}
        expected = {event for event in self._acknowledged.pop(day, set()) if event[2] not in {VANDAL, LEAVING}}
        tally.current().add(acknowledged=len(expected), lost=len(expected - found))
        assert expected <= found, day

    async def be_killed(self) -> None:
        """Go on from what a kill would leave now."""
        await self.send()
        self._images += 1
        image = crash_image(self.data_dir, self._folder / str(self._images))
        await self.stop()
        shutil.rmtree(self.data_dir)
        self.data_dir = image
        await self.start()

    async def have_a_full_disk(self) -> None:
        await self.send()
        with failing(segment(self.data_dir, self.today.isoformat()), "events"), pytest.raises(Refusal):
            await self.running.service.accept(encode(self._batch(self._installations[0])))

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
        year.be_killed, year.have_a_full_disk, year.jump, year.exclude, year.be_killed, year.forget, year.be_restored,
    ]  # fmt: skip
    await year.start()
    for number in range(days):
        # Each of them once before anything is removed, and later ones again, but for those that are for good.
        if number % 2 == 0 and incidents:
            await incidents.pop(0)()
        elif number % 40 == 39:
            await year.be_killed()
            await year.jump()
        await year.live_a_day()
    for _ in range(3):
        year.hand.pass_time(INTERVAL_S)
        await year.retire()
    last = year.today
    await year.stop()

    held = oracle.check(year.data_dir, gone=year.gone, forgotten=year.forgotten, erased=True)
    assert len(held) > days * 4
    kept = sorted(path.stem for path in (year.data_dir / "events").glob("*.db"))
    wanted = [(last - timedelta(days=ago)).isoformat() for ago in range(retention_days, 0, -1)]
    assert [day for day in kept if day < last.isoformat()] == wanted
    assert all(is_sealed(segment(year.data_dir, day)) for day in wanted)
    for day in wanted:
        year.assert_acknowledged(day, [raw for raw in held if raw.day == day])
    assert "something needs you" not in succeed("check", "--data-dir", year.data_dir)
