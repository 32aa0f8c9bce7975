"""A model of days, imports, exclusions, crashes and restores: what is published is final and never too small."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from telemetry.published.proof import unproved
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.storage.maintenance.backup import back_up
from telemetry.storage.maintenance.backups import read_manifest
from telemetry.storage.maintenance.restore import restore
from tests.support import oracle
from tests.support.events import installation_id
from tests.support.importing import import_old_events, import_own_export
from tests.support.public_oracle import Window, check_published, public_rows
from tests.support.publishing import Crowd, pass_crowded_day, production
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service


class PublicationMachine(RuleBasedStateMachine):
    """Remembers what was public, and lets the oracle look at what is new."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="telemetry-"))
        self.data_dir = self.folder / "data"
        # A Saturday, the last but one day of four weeks.
        self.hand = HandClock("2026-11-28T12:00:00")
        self.crowd = Crowd(1)
        self.public: dict[Window, list[Any]] = {}
        # What was public and was lost with its file: never published again, but a backup may bring it back.
        self.lost: set[Window] = set()
        # Each with what was public then.
        self.backups: list[tuple[Path, dict[Window, list[Any]]]] = []
        self.exported: list[oracle.Raw] = []
        self.files = 0
        self.stack = AsyncExitStack()
        self._start()

    @rule(installations=st.integers(1, 16), events=st.integers(1, 8))
    def pass_a_day(self, installations: int, events: int) -> None:
        self._run(pass_crowded_day(self.running, self.hand, self.crowd, range(-1, installations), events=events))

    @rule(days=st.integers(1, 9))
    def pass_silent_days(self, days: int) -> None:
        self.hand.pass_time(days * DAY_S)

    @rule(days=st.integers(1, 3), installations=st.integers(1, 16))
    def reach_days_again(self, days: int, installations: int) -> None:
        self.hand.jump(-days * DAY_S)
        self.pass_a_day(installations, 3)

    @rule(number=st.integers(0, 15))
    def exclude(self, number: int) -> None:
        request = ErasureRequest(installation_id(number), ErasureKind.EXCLUDE)
        # Nothing can be erased from a day while it is being sealed, which takes long on a busy machine.
        self._run(self.running.upkeep.sealer.check())
        self._run(self.running.upkeep.eraser.erase(request))

    @rule()
    def publish(self) -> None:
        before = self._generations()
        self._run(self.running.upkeep.sealer.check())
        self._run(self.running.upkeep.closer.check())
        self._check(before)

    @rule()
    def be_killed_before_what_was_published_is_recorded(self) -> None:
        self.publish()
        self._restart("UPDATE published_windows SET state = 'closing' WHERE state = 'published' AND generation = 1")
        self.publish()

    @rule()
    def lose_what_is_recorded(self) -> None:
        self.publish()
        self._restart("DELETE FROM published_windows")
        # From here on nobody can say which events are in what was published.
        self.publish()

    @rule(days=st.integers(0, 9), installations=st.integers(1, 16), events=st.integers(1, 5))
    def import_a_past_day(self, days: int, installations: int, events: int) -> None:
        moment = self.hand.now - timedelta(days)
        sent = [event for one in range(installations) for event in self.crowd.batch(one, moment, events)]
        with self._stopped():
            import_old_events(self.data_dir, self._new_file("db"), sent, moment, self.hand)

    @rule()
    def import_what_was_exported(self) -> None:
        with self._stopped():
            import_own_export(self.data_dir, self._new_file("jsonl"), self.exported, self.hand)

    @rule()
    def back_up_and_export(self) -> None:
        # A backup is named after its second.
        self.hand.pass_time(1)
        with self._stopped():
            self.exported = oracle.raw_events(self.data_dir)
            if self.exported:
                folder = back_up(DataDirectory(self.data_dir), self._backups, self.hand.clock).folder
                self.backups.append((folder, public_rows(self.data_dir)))

    @precondition(lambda machine: machine.backups)
    @rule(back=st.integers(0, 2), numbers_survive=st.booleans())
    def restore_a_backup(self, back: int, numbers_survive: bool) -> None:
        self.publish()
        backup, public_then = self.backups[max(-len(self.backups), -1 - back)]
        directory = DataDirectory(self.data_dir)
        with self._stopped(), directory.locked():
            if not numbers_survive:
                directory.published.unlink(missing_ok=True)
            # After a loss there is no file until something is published again.
            expected = self.public if directory.published.exists() else public_then
            restore(directory, backup, read_manifest(backup), self.hand.clock)
        restored = public_rows(self.data_dir)
        assert restored == expected
        self.lost -= restored.keys()
        self.lost |= self.public.keys() - restored.keys()
        self.public = restored
        self.publish()

    def teardown(self) -> None:
        self.publish()
        self._run(self.stack.aclose())
        self.loop.close()
        shutil.rmtree(self.folder)

    def _run(self, what: Any) -> None:
        self.loop.run_until_complete(what)

    def _start(self) -> None:
        opened = service(self.data_dir, self.hand, **production())
        self.running = self.loop.run_until_complete(self.stack.enter_async_context(opened))

    def _restart(self, sql: str) -> None:
        with self._stopped(), closing(sqlite3.connect(self.data_dir / "telemetry.db")) as connection, connection:
            connection.execute(sql)

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        self._run(self.stack.aclose())
        yield
        self._start()

    def _new_file(self, suffix: str) -> Path:
        self.files += 1
        return self.folder / f"{self.files}.{suffix}"

    @property
    def _backups(self) -> Path:
        return self.folder / "backups"

    def _generations(self) -> dict[Window, int]:
        sql = "SELECT period, window_start, generation FROM published_windows WHERE state IN ('published', 'closing')"
        return {(period, start): generation for period, start, generation in self._read(sql)}

    def _read(self, sql: str) -> list[tuple[Any, ...]]:
        with suppress(sqlite3.OperationalError):
            return oracle.read(self.data_dir / "telemetry.db", sql)
        return []

    def _check(self, corrected: dict[Window, int]) -> None:
        found = public_rows(self.data_dir)
        assert self.public.keys() <= found.keys()
        assert not self.lost & found.keys()
        new = found.keys() - self.public.keys()
        first_published = set(new)
        today = self.hand.now.date().isoformat()
        for window, rows in self.public.items():
            if found[window] != rows:
                # Only an exclusion changes what is public.
                assert found[window][0] > rows[0], window
                assert corrected.get(window) == found[window][0], window
                new.add(window)
        if new:
            ended = self._read("SELECT period, window_start, last_day FROM published_windows")
            last_days = {(period, start): last_day for period, start, last_day in ended}
            # The clock may have been set back before a correction.
            assert all(last_days[window] < today for window in first_published)
            check_published(self.data_dir, oracle.raw_events(self.data_dir), only=new)
        self.public = found
        assert not unproved(DataDirectory(self.data_dir))


def test_what_is_published_is_final_and_never_too_small() -> None:
    run_state_machine_as_test(PublicationMachine, settings=settings(max_examples=3, stateful_step_count=8))


@pytest.mark.torture
def test_what_is_published_is_final_and_never_too_small_at_length() -> None:
    run_state_machine_as_test(PublicationMachine, settings=settings(max_examples=8, stateful_step_count=25))
