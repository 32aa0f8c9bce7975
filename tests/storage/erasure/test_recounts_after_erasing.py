"""After whatever happened to a data directory, a recount finds what the aggregates hold."""

import random
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from telemetry.clock import column_time
from telemetry.running import Running
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from tests.support.commands import succeed
from tests.support.events import encode, installation_id, make_event, timestamp
from tests.support.examining import examined
from tests.support.oracle import read
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service

A, B, C = map(installation_id, (1, 2, 3))
SEEN = "SELECT substr(first_seen, 1, 10), substr(last_seen, 1, 10), occurrence_count FROM pattern_signatures"


async def errors(data_dir: Path, hand: HandClock) -> list[tuple[str, str]]:
    found = await examined(data_dir, hand.clock)
    return [(finding.subject, finding.sentence) for finding in found.findings if finding.severity == "error"]


async def send(started: Running, hand: HandClock, installation: str, **changes: Any) -> None:
    hand.pass_time(1)
    common = {"installationId": installation, "timestamp": timestamp(hand.now)}
    events = [make_event("pattern_signature", **common, **changes), make_event("user_action", **common)]
    await started.service.accept(encode(events))


async def retire_oldest(started: Running, hand: HandClock) -> bool:
    retention = started.upkeep.retention
    for state in (await retention._archive.segments())[:1]:
        return await retention._retire(state, column_time(hand.clock.now()))
    return False


async def test_excluding_one_installation_leaves_what_another_that_was_forgotten_has_added(data_dir: Path) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await send(started, hand, A)
        await send(started, hand, B, language="cobol")
        hand.pass_time(DAY_S)
        await send(started, hand, C)
        await started.upkeep.eraser.erase(ErasureRequest(A, ErasureKind.FORGET))
        assert await errors(data_dir, hand) == []
        await started.upkeep.eraser.erase(ErasureRequest(B, ErasureKind.EXCLUDE))
        assert await errors(data_dir, hand) == []

    assert read(data_dir / "telemetry.db", SEEN) == [("2026-11-20", "2026-11-21", 2)]
    assert read(data_dir / "telemetry.db", "SELECT count(*) FROM signature_counts WHERE language = 'cobol'") == [(0,)]
    assert "signature_counts: 0 rows corrected" in succeed("repair", "--data-dir", data_dir)
    assert read(data_dir / "telemetry.db", SEEN) == [("2026-11-20", "2026-11-21", 2)]


async def test_what_was_sent_after_an_installation_was_forgotten_adds_to_what_is_recorded(data_dir: Path) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        for _ in range(3):
            await send(started, hand, A)
            await started.upkeep.eraser.erase(ErasureRequest(A, ErasureKind.FORGET))
            assert await errors(data_dir, hand) == []

    assert read(data_dir / "telemetry.db", SEEN) == [("2026-11-20", "2026-11-20", 3)]


@pytest.mark.parametrize("days_back", [1, 2])
async def test_what_is_excluded_after_a_clock_was_set_back_leaves_sums_of_removed_days_as_they_are(
    data_dir: Path, days_back: int
) -> None:
    hand = HandClock("2026-11-20T12:00:00")
    async with service(data_dir, hand) as started:
        await send(started, hand, B)
        hand.pass_time(DAY_S)
        await send(started, hand, C)
        await started.publisher.flush()
        assert await retire_oldest(started, hand)
        hand.jump(-days_back * DAY_S)
        await send(started, hand, A)
        await started.upkeep.eraser.erase(ErasureRequest(A, ErasureKind.EXCLUDE))
        assert await errors(data_dir, hand) == []

    assert read(data_dir / "telemetry.db", SEEN) == [(f"{hand.now:%Y-%m-%d}", "2026-11-21", 2)]


class Life:
    """A data directory, and what can happen to it. Each step is named after its method."""

    def __init__(self, data_dir: Path, seed: int) -> None:
        self.data_dir = data_dir
        self.hand = HandClock("2026-11-20T12:00:00")
        self.random = random.Random(seed)
        self.saved = data_dir.with_name("saved")
        self.steps: list[str] = []

    async def live(self, steps: int) -> None:
        """Take steps, and examine the directory after each of them."""
        while len(self.steps) < steps:
            async with service(self.data_dir, self.hand) as started:
                while len(self.steps) < steps:
                    step = self._next()
                    self.steps.append(step.__name__)
                    goes_on = await step(started)
                    await started.publisher.flush()
                    assert await errors(self.data_dir, self.hand) == [], self.steps
                    if not goes_on:
                        break
            if self.steps[-1] == "restore" and self.saved.exists():
                shutil.rmtree(self.data_dir)
                shutil.copytree(self.saved, self.data_dir)
            elif self.random.random() < 0.4:
                shutil.rmtree(self.saved, ignore_errors=True)
                shutil.copytree(self.data_dir, self.saved)

    def _next(self) -> Callable[[Running], Awaitable[bool]]:
        steps = [self.send, self.pass_a_day, self.jump, self.erase, self.retire, self.restart, self.restore]
        return self.random.choices(steps, [6, 3, 1, 3, 1, 1, 1])[0]

    async def send(self, started: Running) -> bool:
        for _ in range(self.random.randint(1, 6)):
            labels = {"language": self.random.choice(["ts", "py", ""]), "category": self.random.choice(["api", "auth"])}
            signature = self.random.choice(["aa", "bb"])
            installation = installation_id(self.random.randrange(4))
            await send(started, self.hand, installation, signatureHash=signature, **labels)
        return True

    async def pass_a_day(self, started: Running) -> bool:
        self.hand.pass_time(DAY_S)
        await started.upkeep.sealer.check()
        return True

    async def jump(self, started: Running) -> bool:
        self.hand.jump(self.random.choice([-2, -1, 2]) * DAY_S)
        return await self.send(started)

    async def erase(self, started: Running) -> bool:
        kind = self.random.choice([ErasureKind.FORGET, ErasureKind.FORGET, ErasureKind.EXCLUDE])
        await started.upkeep.eraser.erase(ErasureRequest(installation_id(self.random.randrange(4)), kind))
        return True

    async def retire(self, started: Running) -> bool:
        await retire_oldest(started, self.hand)
        return True

    async def restart(self, started: Running) -> bool:
        del started
        return False

    async def restore(self, started: Running) -> bool:
        del started
        return False


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_recount_agrees_after_each_step_of_any_life(data_dir: Path, seed: int) -> None:
    await Life(data_dir, seed).live(20)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(10, 22))
async def test_a_recount_agrees_after_each_step_of_many_long_lives(data_dir: Path, seed: int) -> None:
    await Life(data_dir, seed).live(60)
