"""Data directories as a kill or a power cut may leave them, made from a recording and checked."""

import asyncio
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from tests.support import oracle, tally
from tests.support.events import Fields, Traffic, encode
from tests.support.examining import examined
from tests.support.load import Ledger
from tests.support.power_cut import Disk, Image
from tests.support.recording import Call, unmeasured
from tests.support.segments import is_sealed
from tests.support.service import HandClock, service
from tests.support.tally import Tally

# Enough for each process to be worth its start, and few enough to tell of progress.
CUTS_PER_TASK = 100

Content = Callable[[Disk], Image]


class Life(NamedTuple):
    """A scripted life, and when whoever comes after it looks at what it left."""

    module: str
    looked_at: str
    # Whether what was acknowledged last is still in the duplicate window then.
    remembers: bool = False
    # Whether all days but the last are over then.
    seals: bool = False


LIVES = {
    life.module: life
    for life in (
        Life("workload", "2026-11-24T00:01:00", remembers=True),
        Life("checkpoint_workload", "2026-11-23T12:01:00", remembers=True),
        Life("sealing_workload", "2026-11-26T12:00:00", seals=True),
        Life("erasing_workload", "2026-11-25T12:00:00"),
    )
}


class Recording(NamedTuple):
    """The calls that a life made on a data directory, and what it told."""

    life: Life
    calls: list[Call]
    data_dir: Path


def check_images(recording: Recording, cuts: Sequence[int], *, torn_by: int | None = None) -> Tally:
    """Check the directory after each of the given numbers of calls, on all cores; return what was found.

    It is as a kill leaves it or, with a seed in ``torn_by``, as a power cut may. A number may be given more than once.
    """
    tasks = [sorted(cuts)[first : first + CUTS_PER_TASK] for first in range(0, len(cuts), CUTS_PER_TASK)]
    found = Tally()
    with (
        mock.patch.dict(os.environ, unmeasured(), clear=True),
        ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool,
    ):
        checked = [
            pool.submit(_check_some, recording, f"image-{number}", some, torn_by) for number, some in enumerate(tasks)
        ]
        for task in as_completed(checked):
            some_found, error = task.result()
            found = found.put_together(some_found)
            tally.current().add(**asdict(some_found))
            if error is not None:
                raise error
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
            _make(content(disk), recording.data_dir, target)
            yield list(told)
            shutil.rmtree(target, ignore_errors=True)


def _make(image: Image, data_dir: Path, target: Path) -> None:
    # Folders come before what is in them.
    for path, (node, content) in sorted(image.items()):
        own = target / Path(path).relative_to(data_dir)
        if node.is_folder:
            own.mkdir(mode=node.mode)
        else:
            own.write_bytes(content)
            own.chmod(node.mode)


def _check_some(
    recording: Recording, name: str, cuts: list[int], torn_by: int | None
) -> tuple[Tally, Exception | None]:
    content = Disk.as_killed if torn_by is None else partial(Disk.image, chosen=random.Random(f"{torn_by} {name}"))
    image = recording.data_dir.with_name(name)
    with tally.tallying(lambda _tally: None) as found:
        try:
            for told in images(recording, image, cuts, content):
                found.add(tries=1)
                asyncio.run(assert_in_order(recording.life, image, told, examine=torn_by is None))
        except (AssertionError, OSError, RuntimeError, ValueError) as error:
            # What was found by then belongs to it.
            return found, error
    return found, None


async def assert_in_order(life: Life, image: Path, told: list[Fields], *, examine: bool = True) -> None:
    """Start on an image, send a new batch and the last one again, and look for all that was acknowledged, and no more.

    What was to be taken back is either still there, all of it, or gone. The service's own examination, which takes as
    long as all the rest, is to agree with the oracle where it is wanted.
    """
    hand, ledger = HandClock(life.looked_at), Ledger()
    batches = [notice["batch"] for notice in told if "batch" in notice]
    for batch in batches:
        ledger.enter(batch)
    fresh = Traffic(seed=999, moment=hand.now).batch(2)
    async with service(image, hand) as started:
        await started.upkeep.eraser.resume()
        await started.upkeep.retention.check()
        await started.service.accept(encode(fresh))
        ledger.enter(fresh)
        if life.remembers and batches:
            await started.service.accept(encode(batches[-1]))
        if life.seals:
            await started.upkeep.sealer.check()
            assert started.upkeep.sealer.failed == 0
    assert_recounted(image, told, ledger)
    if life.seals:
        over = [path for path in (image / "events").glob("*.db*") if not path.name.startswith(life.looked_at[:10])]
        assert all(map(is_sealed, over))
    if examine:
        found = await examined(image, hand.clock, full=True)
        assert not found.failed, found.findings


def assert_recounted(image: Path, told: list[Fields], ledger: Ledger) -> None:
    """Have the ledger and the numbers checked, knowing what was to be taken back and whether it was."""
    stored = oracle.raw_events(image)
    finished = [notice["finished"] for notice in told if "finished" in notice]
    gone: dict[str, list[oracle.Raw]] = {"retire": [], "forget": [], "exclude": []}
    for notice in told:
        if (kind := notice.get("begun")) is not None:
            rows = [oracle.Raw(*row) for row in notice["rows"]]
            left = [row for row in rows if row in stored]
            assert not left or (left == rows and kind not in finished), (kind, len(left), len(rows))
            gone[kind] += [] if left else rows
    ledger.release(gone["exclude"])
    ledger.check(image, gone=gone["retire"], forgotten=gone["forget"], erased=bool(gone["forget"] or gone["exclude"]))
