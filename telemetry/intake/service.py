"""The service in domain words: what the web asks for."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

from telemetry.catalogue.batches import OUT_OF_WINDOW, Batch
from telemetry.catalogue.benchmarks import ResultSource
from telemetry.catalogue.feedback import decode_feedback, encode_feedback_receipt
from telemetry.catalogue.rules import CLOCK_AHEAD_MAX, BatchRules
from telemetry.catalogue.stored_ids import IdKey
from telemetry.catalogue.wire import Wire, decode_batch, decode_large_batch, encode_receipt
from telemetry.catalogue.wire_v2 import decode_batch_v2, decode_large_batch_v2
from telemetry.clock import Clock, instant
from telemetry.errors import ErrorCode, Refusal, TooManyEvents
from telemetry.intake.appender import Appender
from telemetry.intake.clock_judge import ClockJudge
from telemetry.intake.large_batches import Charge, LargeBatches, no_charge
from telemetry.intake.ledger import Ledger
from telemetry.published.benchmark_reader import BenchmarkNumbers, BenchmarkReader
from telemetry.published.publisher import Document, Publisher
from telemetry.storage.erasure.exclusions import Exclusions

_DECODERS = {Wire.V1: (decode_batch, decode_large_batch), Wire.V2: (decode_batch_v2, decode_large_batch_v2)}


class TelemetryService:
    """Accepts batches, and answers with statistics that are as fresh as the last flush."""

    def __init__(
        self,
        appender: Appender,
        publisher: Publisher,
        clock: Clock,
        ledger: Ledger,
        exclusions: Exclusions,
        *,
        benchmarks: BenchmarkReader,
        judge: ClockJudge,
        large_batches: LargeBatches,
        id_key: IdKey,
        batch_events_max: int,
        batch_events_v2_max: int,
        retention: timedelta,
    ) -> None:
        self.ledger = ledger
        self._appender = appender
        self._publisher = publisher
        self._benchmarks = benchmarks
        self._clock = clock
        self._exclusions = exclusions
        self._judge = judge
        self._large_batches = large_batches
        self._id_key = id_key
        self._batch_events_max = batch_events_max
        self._events_max = {Wire.V1: batch_events_max, Wire.V2: batch_events_v2_max}
        self._retention = retention

    async def accept(
        self,
        body: bytes,
        *,
        wire: Wire = Wire.V1,
        opted_out: bool = False,
        client: Callable[[], bytes] = lambda: b"",
        charge: Charge = no_charge,
    ) -> bytes:
        """Make the valid events of a request body durable and return the receipt; raise ``Refusal`` if that fails.

        Events of excluded installations, and those of a client that opted out, are in the receipt and nowhere else.
        ``client`` returns the network that the request comes from; ``charge`` is called for a batch that is worth more
        than one request. When a part of such a batch fails, the parts before stay stored: they are duplicates when it
        comes again.
        """
        now = self._clock.now()
        rules = self._rules(now)
        decode, decode_large = _DECODERS[wire]
        try:
            batch, body_bytes = decode(body, rules), len(body)
        except TooManyEvents as refusal:
            events_max = self._events_max[wire]
            with (
                nullcontext()
                if refusal.events <= events_max
                else self._large_batches.admitted(body, TooManyEvents(refusal.events, events_max), charge)
            ):
                batch = await decode_large(body, rules)
                await self._take(batch, len(body), now, opted_out=opted_out, client=client)
        else:
            # The body is not needed while its batch waits for the commit.
            del body
            await self._take(batch, body_bytes, now, opted_out=opted_out, client=client)
        return encode_receipt(len(batch.rows), batch.rejections)

    async def accept_feedback(
        self, body: bytes, source: ResultSource, *, opted_out: bool = False, client: Callable[[], bytes] = lambda: b""
    ) -> bytes:
        """Make the results of a benchmark report durable and return the receipt; raise ``Refusal`` if that fails.

        When a part of a large report fails, the parts before stay stored: they are duplicates when it comes again.
        """
        now = self._clock.now()
        batch = decode_feedback(body, self._rules(now), source)
        await self._take(batch, len(body), now, opted_out=opted_out, client=client)
        if batch.mistimed:
            raise Refusal(ErrorCode.FEEDBACK_INVALID, detail=batch.mistimed[0].sentence)
        return encode_feedback_receipt(len(batch.rows), batch.rejections)

    def _rules(self, now: float) -> BatchRules:
        moment = instant(now)
        return BatchRules(self._batch_events_max, moment - self._retention, moment + CLOCK_AHEAD_MAX)

    async def _take(
        self, batch: Batch, body_bytes: int, now: float, *, opted_out: bool, client: Callable[[], bytes]
    ) -> None:
        batch.store_ids_as(self._id_key.stored)
        if not (opted_out or self._judge.trusts(batch, now)) and await self._judge.refuses(batch, now, client):
            self._shed(batch)
            raise Refusal(ErrorCode.CLOCK)
        self.ledger.receive(len(batch.rows), [rejection.code for rejection in batch.rejections])
        if opted_out:
            self.ledger.opted_out += len(batch.rows)
            return
        if batch.rejections:
            codes = [rejection.code for rejection in batch.rejections]
            self.ledger.note_versions(zip(codes, batch.rejected_versions, strict=True))
        if len(batch.rows) <= self._batch_events_max:
            await self._append(batch, body_bytes)
        else:
            await self._append_parts(batch, body_bytes)

    async def _append(self, batch: Batch, body_bytes: int) -> None:
        kept = self._without_excluded(batch) if self._exclusions else batch
        if kept.rows:
            await self._appender.append(kept, body_bytes)

    async def _append_parts(self, batch: Batch, body_bytes: int) -> None:
        """Append each part when the one before is durable, so that other batches wait for one part at most."""
        waiting = len(batch.rows)
        try:
            for part in batch.parts(self._appender.part_events_max):
                waiting -= len(part.rows)
                await self._append(part, body_bytes * len(part.rows) // len(batch.rows))
        finally:
            self.ledger.shed += waiting

    def _without_excluded(self, batch: Batch) -> Batch:
        kept = Batch(occurred_from=batch.occurred_from)
        for event, row, digest in zip(batch.events, batch.rows, batch.digests, strict=True):
            if not self._is_excluded(row.installation_id, batch):
                kept.events.append(event)
                kept.rows.append(row)
                kept.digests.append(digest)
        self.ledger.excluded += len(batch.rows) - len(kept.rows)
        return kept

    def _is_excluded(self, stored: str, batch: Batch) -> bool:
        if self._exclusions.includes(stored):
            return True
        # Whoever was excluded before ids were hashed is known by the id as it was sent.
        return stored in batch.sent_ids and self._exclusions.includes(batch.sent_ids[stored])

    def _shed(self, batch: Batch) -> None:
        """Count the events of a batch that is refused for the clock as shed, those outside the window included."""
        shed = len(batch.rows) + len(batch.mistimed)
        codes = [rejection.code for rejection in batch.rejections if rejection.code not in OUT_OF_WINDOW]
        self.ledger.receive(shed, codes)
        self.ledger.shed += shed

    def stats(self) -> Document:
        """Return the public statistics."""
        return self._publisher.stats

    async def benchmarks(self) -> BenchmarkNumbers:
        """Return what is public of benchmarks; raise ``Refusal`` if it cannot be read."""
        return await self._benchmarks.numbers()

    def failing(self) -> ErrorCode | None:
        """Return why events cannot be stored at present, or None."""
        return self._appender.failing or self._judge.failing
