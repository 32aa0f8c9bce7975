"""The refusal watch: a version whose events are all rejected, or a client that is stuck, does not vanish silently."""

import logging
from collections import Counter
from contextlib import suppress

from telemetry.clock import Clock
from telemetry.errors import ErrorCode, RejectionCode
from telemetry.intake.ledger import LargeBatch, Ledger
from telemetry.operator_errors import DamagedError
from telemetry.storage.directory.data_directory import DataDirectory
from telemetry.storage.maintenance.refusal_record import RefusalRecord, Refusals

logger = logging.getLogger(__name__)

# The log holds back what is said again within a minute.
_WARNING_INTERVAL_S = 61.0
_WRITING_INTERVAL_S = 60.0


class RefusalWatch:
    """Takes from the ledger what was rejected and refused since it looked last, records it, and warns once a minute."""

    def __init__(self, ledger: Ledger, directory: DataDirectory, clock: Clock) -> None:
        self._ledger = ledger
        self._path = directory.refusals
        self._clock = clock
        self._record = RefusalRecord()
        self._seen = Refusals()
        self._written_at = self._warned_at = float("-inf")
        # Since the last warning, or for a minute.
        self._counted_from = float("-inf")
        self._received = 0
        self._rejected: Counter[tuple[RejectionCode, str]] = Counter()

    def start(self) -> None:
        """Go on with the record of an earlier run, if it can be read."""
        try:
            self._record = RefusalRecord.read(self._path)
        except DamagedError as error:
            logger.warning("the record of refusals begins again", extra={"reason": str(error)})

    async def check(self) -> None:
        """Record and warn. A record that cannot be written is written later: nothing depends on it."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        rejected = self._ledger.take_rejected_versions()
        news = self._news(rejected)
        self._record.add(news, now)
        if news or (monotonic - self._written_at >= _WRITING_INTERVAL_S and self._record.last_day(now)):
            with suppress(OSError):
                self._record.write(self._path)
                self._written_at = monotonic
        self._received += news.received
        self._rejected += rejected
        if monotonic - self._warned_at >= _WARNING_INTERVAL_S:
            self._warn(monotonic)

    def _news(self, rejected: Counter[tuple[RejectionCode, str]]) -> Refusals:
        ledger, seen = self._ledger, self._seen
        self._seen = Refusals(
            received=ledger.received,
            deferred=ledger.large_batches[LargeBatch.DEFERRED],
            refused=ledger.large_batches[LargeBatch.REFUSED],
            too_large=ledger.refused[ErrorCode.TOO_LARGE],
        )
        news = Refusals(
            received=self._seen.received - seen.received,
            deferred=self._seen.deferred - seen.deferred,
            refused=self._seen.refused - seen.refused,
            largest_events=ledger.take_largest_refused(),
            too_large=self._seen.too_large - seen.too_large,
        )
        for (code, _), events in rejected.items():
            news.rejected[code] = news.rejected.get(code, 0) + events
        return news

    def _warn(self, monotonic: float) -> None:
        """Name the code and the version of most of what was rejected, however little it is of all.

        All events of a version may be rejected and yet be few.
        """
        received, total = self._received, self._rejected.total()
        if total:
            ((code, version), events), *_ = self._rejected.most_common(1)
            logger.warning(
                "events are rejected: see whether a version of the client is at fault",
                extra={
                    "code": code, "version": version or "none", "events": events,
                    "share": round(events / received, 6), "rejected": total, "received": received,
                },
            )  # fmt: skip
            self._warned_at = monotonic
        elif monotonic - self._counted_from < _WARNING_INTERVAL_S:
            return
        self._counted_from = monotonic
        self._received = 0
        self._rejected.clear()
