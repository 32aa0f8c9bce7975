"""Expiry: a row of signatures that a single installation sent leaves with the last day that has events of it.

When a day is removed, its raw events tell who sent the events of each row. The row keeps a keyed hash of its sender
until it leaves or a second installation sends it.
"""

import asyncio
import logging
import sqlite3
from pathlib import Path

from telemetry.catalogue.stored_ids import IdKey
from telemetry.counting.aggregates import SIGNATURE_COUNTS
from telemetry.operator_errors import OperatorError
from telemetry.storage.aggregates.database import Aggregates
from telemetry.storage.aggregates.event_statements import senders_statement
from telemetry.storage.aggregates.pruning import fold_leaving
from telemetry.storage.aggregates.row_statements import row_statement
from telemetry.storage.aggregates.segment_states import SegmentState
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.sqlite import statement_process
from telemetry.storage.sqlite.background import NotNowError
from telemetry.storage.sqlite.background_process import BackgroundProcess
from telemetry.storage.sqlite.reading import read_only

logger = logging.getLogger(__name__)

# Senders noted in one transaction: a flush waits for no more.
_SENDERS_PER_CHANGE = 2_000


class Expiry:
    """Owns the notes about senders. Every step can be repeated after a crash or a stop."""

    def __init__(self, directory: DataDirectory, aggregates: Aggregates, id_key: IdKey) -> None:
        self._directory = directory
        self._aggregates = aggregates
        self._id_key = id_key
        self._process: BackgroundProcess | None = None
        self._stopped = False

    async def before_retiring(self, state: SegmentState) -> None:
        """Note who sent the events of a day, and fold the rows that leave with it; the caller removes the day.

        If the segment cannot be read to its end, all rows of the day stay for good. Raises ``NotNowError`` if the
        service stops, and ``sqlite3.Error`` if the aggregates cannot be changed.
        """
        rows = await asyncio.to_thread(self._count_rows, state.day) if state.rows is None else state.rows
        if rows < state.events:
            await self.note_unknown(state.day)
            return
        with self._directory.scratch() as folder:
            senders = folder / "senders.db"
            if not await self._list_senders(state.day, senders):
                await self.note_unknown(state.day)
                return
            with read_only(senders) as connection:
                ((last,),) = connection.execute("SELECT coalesce(max(rowid), 0) FROM senders")
            async with self._aggregates.rearranging:
                for first in range(1, last + 1, _SENDERS_PER_CHANGE):
                    await self._note_and_fold(state.day, senders, first)

    async def note_unknown(self, day: str) -> None:
        """Note that the senders of a day's events are unknown."""
        async with self._aggregates.change() as connection:
            await connection.execute(row_statement("note_unknown_senders", SIGNATURE_COUNTS), (day,))

    async def stop(self) -> None:
        """Stop what is under way; it begins again the next time the day is to be removed."""
        self._stopped = True
        if self._process is not None:
            await self._process.stop()

    def _count_rows(self, day: str) -> int:
        """Return how many events a segment holds that was never sealed; -1 if it cannot be read."""
        try:
            with read_only(self._directory.segment(day)) as segment:
                return int(segment.execute("SELECT count(*) FROM events").fetchone()[0])
        except (OperatorError, sqlite3.Error):
            return -1

    async def _list_senders(self, day: str, target: Path) -> bool:
        """List the senders of a day in a new database; return whether the segment could be read to its end."""
        if self._stopped:
            raise NotNowError("the service stops")
        arguments = [str(target), str(self._directory.segment(day)), senders_statement(SIGNATURE_COUNTS)]
        process = await BackgroundProcess.start(statement_process.__name__, arguments, sorting_in=target.parent)
        self._process = process
        try:
            await process.wait()
        finally:
            self._process = None
        if self._stopped:
            raise NotNowError("the service stops")
        if process.output != statement_process.DONE:
            reason = process.output.decode(errors="replace").strip() or f"its process ended with {process.status}"
            logger.warning("the senders of a day's signatures are unknown", extra={"day": day, "reason": reason})
        return process.output == statement_process.DONE

    async def _note_and_fold(self, day: str, senders: Path, first: int) -> None:
        some = (day, first, first + _SENDERS_PER_CHANGE - 1)
        async with self._aggregates.change(retiring=senders) as connection:
            await connection.create_function("sender_mark", 1, self._id_key.mark, deterministic=True)
            await connection.execute(row_statement("note_senders", SIGNATURE_COUNTS), some)
            await connection.execute(row_statement("choose_expired", SIGNATURE_COUNTS), some)
            await connection.execute(row_statement("close_days_of_leaving", SIGNATURE_COUNTS))
            await fold_leaving(connection)
            await connection.execute("DROP TABLE flushing.leaving")
