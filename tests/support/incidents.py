"""What happens to a service in a year: kills, full disks, vanished files, wrong clocks, erasures and a restore."""

import asyncio
import shutil
import sqlite3
from datetime import timedelta
from itertools import cycle
from pathlib import Path

import pytest

from telemetry.errors import ErrorCode, Refusal
from telemetry.intake.clock_evidence import INSTALLATIONS_MIN
from telemetry.operator_errors import DamagedError, OperatorError
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.sqlite.disk_room import fullness
from telemetry.storage.sqlite.open_file import SAVED
from telemetry.tasks.retention import RETENTION_INTERVAL_S
from tests.support import oracle
from tests.support.backups import backup
from tests.support.commands import succeed
from tests.support.crowd import NETWORKS, Crowd, post
from tests.support.events import Fields
from tests.support.faults import crash_image
from tests.support.limits import no_room
from tests.support.segments import DAY_S, sealed_days, segment
from tests.support.year import LEAVING, VANDAL, Year

# What SQLite makes beside each database before it opens it.
SHARED_MEMORY_BYTES = 32_768
# The clock is this much ahead, or behind. Events are out of the window then, by a little and by much.
WRONG_BY_DAYS = (-2, 400, -19_000, 91)
WRONG_DAYS = 2


class EventfulYear(Year):
    """A year in which things happen; each of them leaves the service at work."""

    def __init__(self, folder: Path, *, retention_days: int, seed: int) -> None:
        super().__init__(folder, retention_days=retention_days, seed=seed)
        self._crowd = Crowd(self.hand, seed=self._random.getrandbits(60))
        self._wrong_by_days = cycle(self._random.sample(WRONG_BY_DAYS, len(WRONG_BY_DAYS)))

    async def be_killed(self) -> None:
        """Go on from what a kill would leave now."""
        await self._leave_as_a_kill_does()
        await self.start()
        await self.send_again()

    async def have_a_full_disk(self) -> None:
        """Have no room for a batch or a flush, and then some again."""
        await self.send()
        batch = self.batch(self.whose_turn())
        with no_room():
            with pytest.raises(Refusal) as refused:
                await self.send_batch(batch)
            with pytest.raises(sqlite3.Error):
                await self.running.publisher.flush()
        assert refused.value.code == ErrorCode.STORAGE_FULL
        await self.send_batch(batch)

    async def start_on_a_full_disk(self) -> None:
        """Be killed and have no room, first for anything and then for flushes, and then some again."""
        for _ in range(3):
            await self.send()
        await self._leave_as_a_kill_does()
        with no_room():
            with pytest.raises((sqlite3.Error, OperatorError)) as failed:
                await self.start()
            assert fullness(failed.value, self.data_dir) is not None
        with no_room(above=SHARED_MEMORY_BYTES):
            await self.start()
            # What a flush of few counters writes may fit into what a file may hold here.
            is_waiting = self.running.sources.counters.keys > 0
            assert is_waiting == (self.running.service.failing() == ErrorCode.STORAGE_FULL)
        await self.send_again()

    async def lose_a_sealed_segment(self) -> None:
        """Have a day vanish, and come back."""
        await self.stop()
        day = max(sealed_days(self.data_dir))
        path, aside = segment(self.data_dir, day), self._folder / "aside.db"
        path.rename(aside)
        await self.start()
        assert self.running.sources.replay.events_missing > 0
        await self.send()
        await self.stop()
        aside.rename(path)
        await self.start()
        assert self.running.sources.replay.events_missing == 0

    async def lose_the_aggregates(self) -> None:
        """Have them vanish, and go on with those of a backup."""
        await self.stop()
        made = backup(self.data_dir, self._folder / "first")
        await self.start()
        await self.send()
        await self.stop()
        aggregates = self.data_dir / "telemetry.db"
        aggregates.unlink()
        with pytest.raises(DamagedError, match="missing beside events"):
            await self.start()
        shutil.copy(Path(made["backup"]) / aggregates.name, aggregates)
        await self.start()

    async def lose_todays_segment(self) -> None:
        """Have it removed under the service, which saves what it held."""
        await self.send()
        for path in self.data_dir.glob(f"events/{self.today}.db*"):
            path.unlink()
        batch = self.batch(self.whose_turn())
        with pytest.raises(Refusal) as refused:
            await self.send_batch(batch)
        assert refused.value.code == ErrorCode.STORAGE_ERROR
        async with asyncio.timeout(10):
            while not list(self.data_dir.glob(f"events/*{SAVED}")):  # noqa: ASYNC110 - the service gives no sign of it
                await asyncio.sleep(0.02)
        await self.stop()
        await self.start()
        await self.send_batch(batch)

    async def jump(self) -> None:
        """Have the clock two days ahead for a while."""
        self.hand.jump(2 * DAY_S)
        await self.send()
        await self.running.upkeep.sealer.check()
        self.hand.jump(-2 * DAY_S)
        await self.send()

    async def have_a_wrong_clock(self) -> None:
        """Have the clock wrong for days. Clients are right, and keep what is refused until the clock is right too."""
        days = next(self._wrong_by_days)
        assert await self._crowd_sends() == ([], 0)
        await self.running.publisher.flush()
        self._crowd.set_wrong(days * DAY_S)
        kept, thrown_away = await self._crowd_sends()
        # Before enough have been heard the log alone speaks, and it says nothing of a clock that is ahead.
        assert thrown_away == (0 if days < 0 else INSTALLATIONS_MIN - 1)
        for _ in range(WRONG_DAYS):
            self.silent.add((self.today + timedelta(days=1 - days)).isoformat())
            await self.let_pass(DAY_S)
            await self.running.upkeep.judge.check()
            refused, thrown_away = await self._crowd_sends()
            assert thrown_away == 0
            assert len(refused) == len(self._crowd.installations)
            kept += refused
        self._crowd.set_wrong(0)
        self.silent.discard(self.today.isoformat())
        await self.running.upkeep.judge.check()
        for event in kept:
            await self.send_batch([event])
        for _ in range(WRONG_DAYS):
            await self.let_pass(RETENTION_INTERVAL_S)

    async def _leave_as_a_kill_does(self) -> None:
        await self.send()
        self._images += 1
        image = crash_image(self.data_dir, self._folder / str(self._images))
        await self.stop()
        shutil.rmtree(self.data_dir)
        self.data_dir = image

    async def _crowd_sends(self) -> tuple[list[Fields], int]:
        """Return what was refused, and how many events were thrown away."""
        refused, thrown_away = [], 0
        for number in range(len(self._crowd.installations)):
            event = self._crowd.event(number)
            processed = await post(self.running, [event], number % NETWORKS)
            if processed is None:
                refused.append(event)
            elif processed:
                self.acknowledge([event])
            else:
                thrown_away += 1
        return refused, thrown_away

    async def exclude(self) -> None:
        await self.send(VANDAL)
        await self.send()
        await self.running.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.EXCLUDE))

    async def forget(self) -> None:
        await self.send(LEAVING)
        await self.send()
        await self.running.publisher.flush()
        self.forgotten += [raw for raw in oracle.raw_events(self.data_dir) if raw.installation_id == LEAVING]
        await self.running.upkeep.eraser.erase(ErasureRequest(LEAVING, ErasureKind.FORGET))

    async def be_restored(self) -> None:
        """Be saved, lose everything, and come back."""
        await self.stop()
        succeed("backup", self._folder / "backups", "--data-dir", self.data_dir)
        shutil.rmtree(self.data_dir)
        succeed("restore", self._folder / "backups", "--data-dir", self.data_dir)
        await self.start()
