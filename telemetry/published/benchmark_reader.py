"""The reader of benchmarks: their public results as of the last flush."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from telemetry.errors import ErrorCode, Refusal
from telemetry.operator_errors import DamagedError
from telemetry.published.benchmarks import BenchmarkPolicy, BenchmarkRow, StoredResults, public_benchmarks
from telemetry.published.closed_days import Stamp, file_stamp
from telemetry.published.label_file import read_decided
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.sqlite.queries import query

_CONTENT = "SELECT count(*), sum(count) FROM benchmark_results"


@dataclass(frozen=True, slots=True)
class BenchmarkNumbers:
    """The public rows; ``name`` changes whenever they do."""

    rows: Sequence[BenchmarkRow]
    name: str


class BenchmarkReader:
    """Reads results on demand if they have changed. The operator's decisions on labels apply at once."""

    def __init__(self, aggregates: Aggregates, public_labels: Path, *, everything: bool) -> None:
        self._aggregates = aggregates
        self._public_labels = public_labels
        self._everything = everything
        self._turn = asyncio.Lock()
        self._seen: tuple[int, Stamp | None] | None = None
        self._content: tuple[object, ...] = ()
        self._numbers = BenchmarkNumbers((), "")

    async def numbers(self) -> BenchmarkNumbers:
        """Return the public results; raise ``Refusal`` if they cannot be read."""
        try:
            # One reading at a time, however many requests wait.
            async with self._turn:
                await self._look()
        except (sqlite3.Error, OSError, DamagedError) as error:
            raise Refusal(ErrorCode.STORAGE_ERROR) from error
        return self._numbers

    async def _look(self) -> None:
        labels = file_stamp(self._public_labels)
        seen = (self._aggregates.changes, labels)
        if seen == self._seen:
            return
        ((rows, results),) = await self._aggregates.read(_CONTENT)
        content = (rows, results, labels)
        if content != self._content:
            stored = await self._aggregates.read(query("read_benchmark_results"))
            self._numbers = await asyncio.to_thread(self._made_of, stored)
            self._content = content
        self._seen = seen

    def _made_of(self, stored: Sequence[Sequence[object]]) -> BenchmarkNumbers:
        policy = BenchmarkPolicy(read_decided(self._public_labels), self._everything)
        rows = public_benchmarks(map(StoredResults.of, stored), policy)
        return BenchmarkNumbers(rows, hashlib.sha256(msgspec.json.encode(rows)).hexdigest()[:16])
