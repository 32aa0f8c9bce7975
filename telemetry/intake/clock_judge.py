"""The judge of the server's clock: whether events show that the clock is wrong, and not they.

While most known installations contradict the clock, every event is refused, so that clients keep their queues. A clock
that is behind what is certain, the making of the program or the newest event of the log, is only suspected: events of
a later time are refused, and all others accepted as usual.
"""

import logging
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from datetime import timedelta
from hashlib import blake2b

from telemetry.catalogue.batches import Batch
from telemetry.catalogue.rules import CLOCK_AHEAD_MAX
from telemetry.catalogue.timestamps import parse_timestamp
from telemetry.clock import Clock, column_seconds, column_time, day_of
from telemetry.errors import ErrorCode
from telemetry.intake.clock_evidence import INSTALLATIONS_MIN, ClockEvidence, Reading, Window
from telemetry.storage.aggregates.database import Aggregates

logger = logging.getLogger(__name__)

JUDGING_INTERVAL_S = 60.0
_DAY_S = 86_400.0
# A stranger can have a look-up made by each request. They take turns, and no more than these wait.
_LOOKUPS_MAX = 64
# The time of the newest event is as exact as that, which costs nothing.
_NEWEST_STEP_S = 60.0
_NEVER = float("-inf")


class ClockJudge:
    """Hears each batch, and says whether the clock allows to accept it. ``check`` judges again, once a minute.

    Ids and networks are remembered for that in memory alone, the networks as hashes whose salt ends with the process.
    """

    def __init__(self, aggregates: Aggregates, clock: Clock, *, retention: timedelta) -> None:
        self._aggregates = aggregates
        self._clock = clock
        self._retention_s = retention.total_seconds()
        self._evidence = ClockEvidence()
        self._disputed: Reading | None = None
        # When the newest event was received. A clock that was ahead may have said so, and been set right since: then
        # known installations agree with the present one.
        self._newest_at = _NEVER
        self._is_vouched_for = False
        self._has_refused = False
        self._trusted_from = clock.not_before
        self._judge_at = _NEVER
        self._lookups = 0
        self._salt = secrets.token_bytes(16)
        self._told = False

    def start(self, newest_received_at: str | None) -> None:
        """Begin with what the log says: the time of its newest event, as it is stored."""
        if newest_received_at is not None:
            self._newest_at = column_seconds(newest_received_at)
        self._set_trust()
        now = self._clock.now()
        if now >= self._clock.not_before and self._is_before_newest(now):
            logger.warning(
                "the newest event was received in the future: if the clock is wrong now, set it (timedatectl)",
                extra={"received_at": newest_received_at, "now": column_time(now)},
            )
        self._tell(now)

    @property
    def failing(self) -> ErrorCode | None:
        """``clock`` while the clock is wrong for all that is known, or None."""
        return ErrorCode.CLOCK if self._is_wrong(self._clock.now()) else None

    def trusts(self, batch: Batch, now: float) -> bool:
        """Note a batch that raises no doubt; return False if ``refuses`` has to look into it."""
        # Every batch passes here: what can be known before is.
        if batch.mistimed or now < self._trusted_from:
            return False
        if batch.rows:
            row = batch.rows[-1]
            self._evidence.agree(row.installation_id, row.timestamp, self._clock.monotonic())
            if now > self._newest_at + _NEWEST_STEP_S:
                self._newest_at, self._is_vouched_for = now, False
                self._set_trust()
        return True

    async def refuses(self, batch: Batch, now: float, client: Callable[[], bytes]) -> bool:
        """Hear a batch that raises doubt, from the network of ``client``; return whether to refuse it whole."""
        newest = _newest(batch)
        if newest is None:
            return False
        installation_id, timestamp, occurred_at = newest
        reading = self._window(now).reading(occurred_at)
        if reading is Reading.RIGHT:
            self._evidence.agree(installation_id, timestamp, self._clock.monotonic())
            if self._is_before_newest(now) and await self._is_known(installation_id):
                await self._judge()
        elif installation_id in self._evidence.contradicting or await self._is_known(installation_id):
            network = blake2b(client(), key=self._salt, digest_size=8).digest()
            monotonic = self._clock.monotonic()
            self._evidence.contradict(installation_id, occurred_at, monotonic, network)
            if monotonic >= self._judge_at and self._evidence.may_suffice(monotonic):
                self._judge_at = monotonic + JUDGING_INTERVAL_S
                await self._judge()
        return self._disputed is not None or self._suspicion_refuses(occurred_at, now)

    async def check(self) -> None:
        """Judge again by all that was heard, and tell the operator."""
        if self._evidence.contradicting or self._disputed is not None:
            await self._judge()
        now = self._clock.now()
        if not self._is_before_newest(now):
            self._has_refused = False
        self._tell(now, again=True)

    async def _judge(self) -> None:
        known = await self._known(self._evidence.agreeing)
        now, monotonic = self._clock.now(), self._clock.monotonic()
        weights = self._evidence.weigh(self._window(now), monotonic, known)
        self._disputed = weights.dispute(self._disputed)
        self._is_vouched_for = now < self._newest_at - _DAY_S and weights.right > weights.behind
        self._set_trust()
        self._tell(now)

    def _window(self, now: float) -> Window:
        return Window(now - self._retention_s, now + CLOCK_AHEAD_MAX.total_seconds())

    def _is_before_newest(self, now: float) -> bool:
        return now < self._newest_at - _DAY_S and not self._is_vouched_for

    def _set_trust(self) -> None:
        """Work out from which time on the clock raises no doubt by itself."""
        newest = _NEVER if self._is_vouched_for else self._newest_at - _DAY_S
        self._trusted_from = max(self._clock.not_before, newest) if self._disputed is None else float("inf")

    def _is_wrong(self, now: float) -> bool:
        refused = self._has_refused and self._is_before_newest(now)
        return self._disputed is not None or now < self._clock.not_before or refused

    def _suspicion_refuses(self, occurred_at: float, now: float) -> bool:
        """Tell whether an event is ahead of the clock only because the clock is behind what is certain."""
        if occurred_at <= self._window(now).latest:
            return False
        if now < self._clock.not_before <= occurred_at:
            return True
        if self._is_before_newest(now) and occurred_at >= self._newest_at - _DAY_S:
            self._has_refused = True
            self._tell(now)
            return True
        return False

    async def _is_known(self, installation_id: str) -> bool:
        if self._lookups >= _LOOKUPS_MAX:
            return False
        self._lookups += 1
        try:
            return bool(await self._known([installation_id]))
        finally:
            self._lookups -= 1

    async def _known(self, ids: Iterable[str]) -> set[str]:
        try:
            today = day_of(column_time(self._clock.now()))
            return await self._aggregates.known_installations(ids, today, INSTALLATIONS_MIN)
        except sqlite3.Error as error:
            logger.error("installations could not be looked up", extra={"reason": str(error)})
            return set()

    def _tell(self, now: float, *, again: bool = False) -> None:
        wrong = self._is_wrong(now)
        if wrong and (again or not self._told):
            logger.error(
                "the clock seems wrong and events are refused: set it (timedatectl)",
                extra={"now": column_time(now), "clock_is": self._disputed or Reading.BEHIND},
            )
        elif self._told and not wrong:
            logger.info("the clock agrees with clients again, events are accepted")
        self._told = wrong


def _newest(batch: Batch) -> tuple[str, str, float] | None:
    """Return the installation, the timestamp and the time of the newest event that is sound but for its time.

    It is the best that a batch says of its client's clock. Events may be old because they had to wait, and one that is
    ahead has no such excuse.
    """
    heard = [(mistimed.installation_id, "", mistimed.occurred_at) for mistimed in batch.mistimed]
    for row in batch.rows:
        occurred_at = parse_timestamp(row.timestamp)
        if occurred_at is not None:
            heard.append((row.installation_id, row.timestamp, occurred_at.timestamp()))
    return max(heard, key=lambda found: found[2], default=None)
