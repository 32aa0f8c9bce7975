"""The process that counts what an installation has added, where the log is large: ``python -m`` this module.

Its argument is the id of the service's process, which it never outlives. Its job comes on standard input, because other
users could see arguments.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from telemetry.operator_errors import OperatorError, StorageFailedError, meaning, named
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.erasure.contributions import Contributions
from telemetry.storage.sqlite.background import NotNowError, step_back
from telemetry.storage.sqlite.background_process import BackgroundProcess
from telemetry.storage.sqlite.scrubbing import check_stop

# Fewer are counted in less than a second, which a process takes to start on a busy host.
EVENTS_IN_THREAD_MAX = 50_000
_DONE = b"done\n"


class _Job(msgspec.Struct):
    folder: str
    data_dir: str
    ids: list[str]
    counted: dict[str, int]
    watermarks: dict[str, int]
    others: bool
    keys_max: int


class _Failure(msgspec.Struct):
    code: str
    sentence: str


async def count_apart(counted: Contributions, watermarks: Mapping[str, int], *, others: bool) -> None:
    """Count as ``Contributions.count`` does, in a process of the lowest priority unless there are few events.

    Counting in a thread of the service takes turns with its event loop. Raises what ``count`` raises there, and
    ``StorageFailedError`` if the process ends without a word.
    """
    left = sum(watermark - counted.counted.get(day, 0) for day, watermark in watermarks.items())
    if left > EVENTS_IN_THREAD_MAX:
        # Where the system has no room for a process, a thread does it.
        with suppress(NotNowError):
            await _count_in_process(counted, watermarks, others=others)
            return
    await counted.count(watermarks, others=others)


async def _count_in_process(counted: Contributions, watermarks: Mapping[str, int], *, others: bool) -> None:
    job = _Job(
        folder=str(counted.folder),
        data_dir=str(counted.directory.root),
        ids=counted.ids,
        counted=counted.counted,
        watermarks=dict(watermarks),
        others=others,
        keys_max=counted.keys_max,
    )
    given = msgspec.json.encode(job)
    process = await BackgroundProcess.start(__name__, [], sorting_in=counted.folder, given=given)
    counting, stopping = asyncio.create_task(process.wait()), asyncio.create_task(counted.stop.wait())
    await asyncio.wait([counting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not counting.done():
        await process.stop()
    await counting
    check_stop(counted.stop)
    if process.output != _DONE:
        raise _failure(process)
    counted.counted.update(watermarks)


def _failure(process: BackgroundProcess) -> OperatorError:
    try:
        failed = msgspec.json.decode(process.output, type=_Failure)
    except msgspec.MsgspecError:
        why = f"their process ended with {process.status}: mend the cause, and do this again"
        return StorageFailedError(f"the events could not be counted, {why}")
    return named(failed.code, f"the events could not be counted: {failed.sentence}")


def main() -> None:
    """Do the job, and print that it is done, or the error."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=_Job)
    step_back(int(sys.argv[1]))
    directory, stop = DataDirectory(Path(job.data_dir)), asyncio.Event()
    counted = Contributions(Path(job.folder), directory, job.ids, stop, keys_max=job.keys_max)
    counted.counted.update(job.counted)
    try:
        asyncio.run(counted.count(job.watermarks, others=job.others))
    except OperatorError as error:
        _tell(error)
    except (sqlite3.Error, OSError) as error:
        _tell(StorageFailedError(f"{error}: mend the cause, and do this again"))
    else:
        sys.stdout.buffer.write(_DONE)


def _tell(error: OperatorError) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(_Failure(meaning(error).code, str(error))))


if __name__ == "__main__":
    main()
