"""Data directories as a kill or a power cut may leave them, made from a recording."""

import asyncio
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from telemetry.settings import Settings
from telemetry.storage.data_directory import DataDirectory
from telemetry.storage.examination import examine
from tests.support import oracle, tally
from tests.support.events import Fields, Traffic, encode
from tests.support.power_cut import Call, Disk
from tests.support.segments import DAY_S
from tests.support.service import HandClock, service
from tests.support.tally import Tally

# Later than every moment in a recorded life.
LAST_MOMENT = "2026-11-24T12:00:00"

# Enough for each process to be worth its start, and few enough to tell of progress.
CUTS_PER_TASK = 100

Content = Callable[[Disk], dict[str, bytes]]
Check = Callable[[Path, list[Fields]], Coroutine[None, None, None]]


class Recording(NamedTuple):
    """The calls that a life made on a data directory, and what it told."""

    calls: list[Call]
    data_dir: Path


def check_images(recording: Recording, cuts: Sequence[int], check: Check, *, torn_by: int | None = None) -> Tally:
    """Check the directory after each of the given numbers of calls, on all cores; return what was found.

    It is as a kill leaves it or, with a seed in ``torn_by``, as a power cut may. A number may be given more than once.
    """
    tasks = [sorted(cuts)[first : first + CUTS_PER_TASK] for first in range(0, len(cuts), CUTS_PER_TASK)]
    found = Tally()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        checked = [
            pool.submit(_check_some, recording, f"image-{number}", some, check, torn_by)
            for number, some in enumerate(tasks)
        ]
        for task in as_completed(checked):
            found = found.put_together(task.result())
            tally.current().add(**asdict(task.result()))
    return found


def images(recording: Recording, target: Path, cuts: Iterable[int], content: Content) -> Iterator[list[Fields]]:
    """Make the directory after each of the given numbers of calls, and yield what had been told by then.

    The directory is gone when the next is asked for.
    """
    disk, told, wanted = Disk(), [], Counter(cuts)
    for number, call in enumerate(recording.calls, 1):
        if call.name == "told":
            told += json.loads(call.data)
        disk.apply(call)
        for _ in range(wanted[number]):
            for folder in (target, target / "events"):
                folder.mkdir(mode=0o700)
            for path, found in content(disk).items():
                file = target / Path(path).relative_to(recording.data_dir)
                file.parent.mkdir(mode=0o700, exist_ok=True)
                file.write_bytes(found)
                file.chmod(disk.modes.get(path, 0o600))
            yield list(told)
            shutil.rmtree(target)


def _check_some(recording: Recording, name: str, cuts: list[int], check: Check, torn_by: int | None) -> Tally:
    content = Disk.as_killed if torn_by is None else partial(Disk.image, chosen=random.Random(f"{torn_by} {name}"))
    with tally.tallying(lambda _tally: None) as found:
        for told in images(recording, recording.data_dir.with_name(name), cuts, content):
            asyncio.run(check(recording.data_dir.with_name(name), told))
    return found


def identity(event: Fields) -> tuple[str, ...]:
    return (event["type"], event["timestamp"], event["installationId"], event["driftVersion"])


def assert_stored(image: Path, acknowledged: set[tuple[str, ...]]) -> None:
    """Assert that events are in the log."""
    stored = {(raw.type, raw.timestamp, raw.installation_id, raw.drift_version) for raw in oracle.raw_events(image)}
    tally.current().add(tries=1, acknowledged=len(acknowledged), lost=len(acknowledged - stored))
    assert acknowledged <= stored


async def assert_in_order(image: Path, told: list[Fields]) -> None:
    """Start on an image, send one more batch, and look for everything that was acknowledged and not taken back."""
    hand = HandClock(LAST_MOMENT)
    hand.pass_time(DAY_S)
    fresh = Traffic(seed=999, moment=hand.now).batch(2)
    async with service(image, hand) as started:
        await started.upkeep.eraser.resume()
        await started.service.accept(encode(fresh))
    gone = {event["gone"] for event in told if "gone" in event}
    kept = [
        event
        for event in [*told, *fresh]
        if "gone" not in event and event["installationId"] not in gone and event["timestamp"][:10] not in gone
    ]
    assert_stored(image, set(map(identity, kept)))
    if not gone:
        oracle.check(image)
    settings = Settings(data_dir=str(image))
    found = await examine(DataDirectory(image), settings, hand.clock, full=True)
    assert not found.failed, found.findings
