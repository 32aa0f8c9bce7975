"""Commands that look at data, as real processes, and the data directories they are pointed at."""

import os
import pty
import queue
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from tests.support.events import Fields, Traffic, encode
from tests.support.processes import COMMAND, start
from tests.support.service import HandClock, service

DAYS = ("2026-11-22", "2026-11-23")
WAIT_S = 20.0


def run_on_terminal(*arguments: str | Path, **variables: str) -> str:
    """Run the installed command on a terminal and return what that shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([COMMAND, *arguments], stdout=theirs, stderr=theirs, env=os.environ | variables)
    os.close(theirs)
    shown = bytearray()
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 - a descriptor has no path
        try:
            while data := terminal.read(65_536):
                shown += data
        except OSError:
            # That is how a terminal says that its last program has ended.
            pass
    process.wait(WAIT_S)
    return shown.decode()


class RunningCommand:
    """A command that goes on until it is stopped; its lines are read as they come."""

    def __init__(self, *arguments: str | Path) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = start(*arguments)
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def lines(self, count: int) -> list[str]:
        """Return the next lines; fails if they do not come in time."""
        return [self._lines.get(timeout=WAIT_S) for _ in range(count)]

    def lines_left(self) -> list[str]:
        """Return what has been printed and not been asked for."""
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def open_files(self) -> set[str]:
        """Return the names of the files that the process has open."""
        descriptors = Path(f"/proc/{self._process.pid}/fd")
        with suppress(FileNotFoundError):
            return {descriptor.readlink().name for descriptor in descriptors.iterdir()}
        return set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def errors(self) -> str:
        """Return what the process, which has ended, has printed on standard error."""
        assert self._process.stderr is not None
        return self._process.stderr.read()

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Wait for the end, and return the exit code."""
        code = self._process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return code

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line.rstrip("\n"))


@contextmanager
def running_command(*arguments: str | Path) -> Iterator[RunningCommand]:
    """Run a command until the end of the block; it is killed there if it still runs."""
    command = RunningCommand(*arguments)
    try:
        yield command
    finally:
        command.close()


async def fill(data_dir: Path, days: tuple[str, ...] = DAYS, batches: int = 6) -> list[Fields]:
    """Let a service live through some days, and return the events it accepted."""
    hand = HandClock(f"{days[0]}T10:00:00")
    accepted: list[Fields] = []
    async with service(data_dir, hand) as started:
        for number, day in enumerate(days):
            hand.jump((datetime.fromisoformat(f"{day}T10:00:00+00:00") - hand.now) / timedelta(seconds=1))
            traffic = Traffic(seed=number, moment=hand.now)
            for _ in range(batches):
                hand.pass_time(1)
                batch = traffic.batch(5)
                await started.service.accept(encode(batch))
                accepted += batch
    return accepted


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Return the rows of a query on a file, read as any program would."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def exclusively_locked(path: Path) -> Iterator[None]:
    """Hold a file that is not in WAL mode so that nobody else can read it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def seal(path: Path) -> None:
    """Make a segment a sealed one: out of WAL, indexed, read-only."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        for column in ("type", "installation_id", "created_at", "timestamp"):
            connection.execute(f"CREATE INDEX IF NOT EXISTS events_by_{column} ON events ({column})")
    path.chmod(0o400)
