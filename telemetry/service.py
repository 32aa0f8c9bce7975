"""The service in domain words: what the web asks for."""

from datetime import timedelta

from telemetry.clock import Clock, instant
from telemetry.errors import ErrorCode
from telemetry.ledger import Ledger
from telemetry.publisher import Document, Publisher
from telemetry.storage.appender import Appender
from telemetry.wire import BatchRules, decode_batch, encode_receipt

CLOCK_AHEAD_MAX = timedelta(hours=24)


class TelemetryService:
    """Accepts batches, and answers with statistics that are as fresh as the last flush."""

    def __init__(
        self,
        appender: Appender,
        publisher: Publisher,
        clock: Clock,
        ledger: Ledger,
        *,
        batch_events_max: int,
        retention: timedelta,
    ) -> None:
        self.ledger = ledger
        self._appender = appender
        self._publisher = publisher
        self._clock = clock
        self._batch_events_max = batch_events_max
        self._retention = retention

    async def accept(self, body: bytes) -> bytes:
        """Make the valid events of a request body durable and return the receipt; raise ``Refusal`` if that fails."""
        now = instant(self._clock.now())
        rules = BatchRules(self._batch_events_max, now - self._retention, now + CLOCK_AHEAD_MAX)
        batch = decode_batch(body, rules)
        self.ledger.receive(len(batch.rows), [rejection.code for rejection in batch.rejections])
        if batch.rows:
            await self._appender.append(batch, len(body))
        return encode_receipt(len(batch.rows), batch.rejections)

    def stats(self) -> Document:
        """Return the public statistics."""
        return self._publisher.stats

    def failing(self) -> ErrorCode | None:
        """Return why events cannot be stored at present, or None."""
        return self._appender.failing
