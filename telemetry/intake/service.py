"""The service in domain words: what the web asks for."""

from collections.abc import Awaitable, Callable, Sequence
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
from telemetry.intake.groups import Group
from telemetry.intake.large_batches import Charge, LargeBatches, no_charge
from telemetry.intake.ledger import Ledger
from telemetry.intake.receipts import PendingReceipt
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

    def accept(
        self,
        body: bytes,
        *,
        wire: Wire = Wire.V1,
        opted_out: bool = False,
        client: Callable[[], bytes] = lambda: b"",
        charge: Charge = no_charge,
    ) -> Awaitable[bytes]:
        """Make the valid events of a request body durable and return the receipt; raise ``Refusal`` if that fails.

        Events of excluded installations, and those of a client that opted out, are in the receipt and nowhere else.
        ``client`` returns the network that the request comes from; ``charge`` is called for a batch that is worth more
        than one request. When a part of such a batch fails, the parts before stay stored: they are duplicates when it
        comes again. Nearly every batch is queued during the call, which then returns a ``PendingReceipt``.
        """
        now = self._clock.now()
        decode, _ = _DECODERS[wire]
        try:
            batch = decode(body, self._rules(now))
        except TooManyEvents as refusal:
            return self._accept_large(
                body, wire, refusal.events, now, opted_out=opted_out, client=client, charge=charge
            )
        receipt = encode_receipt(len(batch.rows), batch.rejections)
        return self._take(batch, receipt, len(body), now, opted_out=opted_out, client=client)

    async def accept_feedback(
        self, body: bytes, source: ResultSource, *, opted_out: bool = False, client: Callable[[], bytes] = lambda: b""
    ) -> bytes:
        """Make the results of a benchmark report durable and return the receipt; raise ``Refusal`` if that fails.

        When a part of a large report fails, the parts before stay stored: they are duplicates when it comes again.
        """
        now = self._clock.now()
        batch = decode_feedback(body, self._rules(now), source)
        receipt = encode_feedback_receipt(len(batch.rows), batch.rejections)
        await self._take(batch, receipt, len(body), now, opted_out=opted_out, client=client)
        if batch.mistimed:
            raise Refusal(ErrorCode.FEEDBACK_INVALID, detail=batch.mistimed[0].sentence)
        return receipt

    def _rules(self, now: float) -> BatchRules:
        moment = instant(now)
        return BatchRules(self._batch_events_max, moment - self._retention, moment + CLOCK_AHEAD_MAX)

    async def _accept_large(
        self,
        body: bytes,
        wire: Wire,
        events: int,
        now: float,
        *,
        opted_out: bool,
        client: Callable[[], bytes],
        charge: Charge,
    ) -> bytes:
        _, decode_large = _DECODERS[wire]
        events_max = self._events_max[wire]
        with (
            nullcontext()
            if events <= events_max
            else self._large_batches.admitted(body, TooManyEvents(events, events_max), charge)
        ):
            batch = await decode_large(body, self._rules(now))
            receipt = encode_receipt(len(batch.rows), batch.rejections)
            return await self._take(batch, receipt, len(body), now, opted_out=opted_out, client=client)

    def _take(
        self, batch: Batch, receipt: bytes, body_bytes: int, now: float, *, opted_out: bool, client: Callable[[], bytes]
    ) -> Awaitable[bytes]:
        batch.store_ids_as(self._id_key.stored)
        if opted_out or self._judge.trusts(batch, now):
            return self._enter(batch, receipt, body_bytes, opted_out=opted_out)
        return self._take_doubted(batch, receipt, body_bytes, now, client)

    async def _take_doubted(
        self, batch: Batch, receipt: bytes, body_bytes: int, now: float, client: Callable[[], bytes]
    ) -> bytes:
        """Take a batch unless it is because of this machine's clock that its times look wrong."""
        if await self._judge.refuses(batch, now, client):
            self._shed(batch)
            raise Refusal(ErrorCode.CLOCK)
        return await self._enter(batch, receipt, body_bytes, opted_out=False)

    def _enter(self, batch: Batch, receipt: bytes, body_bytes: int, *, opted_out: bool) -> Awaitable[bytes]:
        self.ledger.receive(len(batch.rows), [rejection.code for rejection in batch.rejections])
        if opted_out:
            self.ledger.opted_out += len(batch.rows)
            return PendingReceipt(receipt, ())
        if batch.rejections:
            codes = [rejection.code for rejection in batch.rejections]
            self.ledger.note_versions(zip(codes, batch.rejected_versions, strict=True))
        if len(batch.rows) <= self._batch_events_max:
            return PendingReceipt(receipt, self._append(batch, body_bytes))
        return self._append_parts(batch, receipt, body_bytes)

    def _append(self, batch: Batch, body_bytes: int) -> Sequence[Group]:
        kept = self._without_excluded(batch) if self._exclusions else batch
        return self._appender.append(kept, body_bytes) if kept.rows else ()

    async def _append_parts(self, batch: Batch, receipt: bytes, body_bytes: int) -> bytes:
        """Append each part when the one before is durable, so that other batches wait for one part at most."""
        waiting = len(batch.rows)
        try:
            for part in batch.parts(self._appender.part_events_max):
                waiting -= len(part.rows)
                await PendingReceipt(receipt, self._append(part, body_bytes * len(part.rows) // len(batch.rows)))
        finally:
            self.ledger.shed += waiting
        return receipt

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
