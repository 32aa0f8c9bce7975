"""The service in domain words: what the web asks for."""

from datetime import timedelta

from telemetry.clock import Clock, instant
from telemetry.errors import ErrorCode
from telemetry.exclusions import Exclusions
from telemetry.ledger import Ledger
from telemetry.publisher import Document, Publisher
from telemetry.storage.appender import Appender
from telemetry.wire import Batch, BatchRules, decode_batch, encode_receipt

CLOCK_AHEAD_MAX = timedelta(hours=24)


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
        batch_events_max: int,
        retention: timedelta,
    ) -> None:
        self.ledger = ledger
        self._appender = appender
        self._publisher = publisher
        self._clock = clock
        self._exclusions = exclusions
        self._batch_events_max = batch_events_max
        self._retention = retention

    async def accept(self, body: bytes, *, opted_out: bool = False) -> bytes:
        """Make the valid events of a request body durable and return the receipt; raise ``Refusal`` if that fails.

        Events of excluded installations, and those of a client that opted out, are in the receipt and nowhere else.
        """
        now = instant(self._clock.now())
        rules = BatchRules(self._batch_events_max, now - self._retention, now + CLOCK_AHEAD_MAX)
        batch, body_bytes = decode_batch(body, rules), len(body)
        # While a batch waits for its commit, nobody needs its body.
        del body
        self.ledger.receive(len(batch.rows), [rejection.code for rejection in batch.rejections])
        if opted_out:
            self.ledger.opted_out += len(batch.rows)
            return encode_receipt(len(batch.rows), batch.rejections)
        kept = self._without_excluded(batch) if self._exclusions else batch
        if kept.rows:
            await self._appender.append(kept, body_bytes)
        return encode_receipt(len(batch.rows), batch.rejections)

    def _without_excluded(self, batch: Batch) -> Batch:
        kept = Batch()
        for event, row in zip(batch.events, batch.rows, strict=True):
            if not self._exclusions.includes(row.installation_id):
                kept.events.append(event)
                kept.rows.append(row)
        self.ledger.excluded += len(batch.rows) - len(kept.rows)
        return kept

    def stats(self) -> Document:
        """Return the public statistics."""
        return self._publisher.stats

    def failing(self) -> ErrorCode | None:
        """Return why events cannot be stored at present, or None."""
        return self._appender.failing
