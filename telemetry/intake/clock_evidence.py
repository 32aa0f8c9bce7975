"""Evidence on the server's clock: what time it is for the clients of installations."""

from collections import OrderedDict
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeVar

from telemetry.catalogue.timestamps import parse_timestamp

# Later testimony replaces that of the same installation; older than this beside newer ones, it is left out.
EVIDENCE_S = 900.0
# An installation whose id was published, or a few machines with a wrong clock of their own, do not reach these.
INSTALLATIONS_MIN = 20
NETWORKS_MIN = 5
# Of either kind; an entry takes some 300 bytes.
INSTALLATIONS_MAX = 4_096

_Testimony = TypeVar("_Testimony")


class Reading(StrEnum):
    """How the server's clock stands to a client's newest event: it is right while the event is in the window."""

    RIGHT = "right"
    BEHIND = "behind"
    AHEAD = "ahead"


class Window(NamedTuple):
    """The times at which events may have occurred, in Unix seconds."""

    earliest: float
    latest: float

    def reading(self, occurred_at: float) -> Reading:
        """Return what an event says of the clock that the window was made with."""
        if occurred_at > self.latest:
            return Reading.BEHIND
        return Reading.AHEAD if occurred_at < self.earliest else Reading.RIGHT


# A timestamp and when it was heard. It is parsed when it is weighed: most never are.
_Agreement = tuple[str, float]


class _Contradiction(NamedTuple):
    occurred_at: float
    heard_at: float
    network: bytes


class Weights(NamedTuple):
    """How many installations hold each opinion of the clock, and from how many networks those that contradict it."""

    right: int
    behind: int
    ahead: int
    networks_behind: int
    networks_ahead: int

    def dispute(self, disputed: Reading | None) -> Reading | None:
        """Return which way most installations say the clock is wrong, or None.

        Many of them, from several networks, are needed for that, but only one to go on with what is ``disputed``.
        """
        for reading, count, networks in (
            (Reading.BEHIND, self.behind, self.networks_behind),
            (Reading.AHEAD, self.ahead, self.networks_ahead),
        ):
            enough = reading is disputed or (count >= INSTALLATIONS_MIN and networks >= NETWORKS_MIN)
            if enough and 2 * count > self.right + self.behind + self.ahead:
                return reading
        return None


class ClockEvidence:
    """The latest testimony of each installation: the newest event it has sent, and when it was heard.

    A client's time goes on while it is remembered, so that testimony is judged by any later reading of the server's
    clock: once the clock is right, those who contradicted it agree. Only installations that are known may contradict;
    who agrees is looked up when it matters. Times are Unix seconds, and ``heard_at`` those of a clock that never jumps.
    """

    def __init__(self) -> None:
        self._agreeing: OrderedDict[str, _Agreement] = OrderedDict()
        self._contradicting: OrderedDict[str, _Contradiction] = OrderedDict()

    @property
    def agreeing(self) -> Collection[str]:
        """The installations that agreed last, known or not."""
        return self._agreeing.keys()

    @property
    def contradicting(self) -> Collection[str]:
        """The installations that contradicted last."""
        return self._contradicting.keys()

    def may_suffice(self, monotonic: float) -> bool:
        """Tell whether so many contradict at present that it is worth looking up who agrees."""
        oldest = monotonic - EVIDENCE_S
        networks = [heard.network for heard in self._contradicting.values() if heard.heard_at >= oldest]
        return len(networks) >= INSTALLATIONS_MIN and len(set(networks)) >= NETWORKS_MIN

    def agree(self, installation_id: str, timestamp: str, heard_at: float) -> None:
        """Remember an event that is in the window."""
        if self._contradicting:
            self._contradicting.pop(installation_id, None)
        _remember(self._agreeing, installation_id, (timestamp, heard_at))

    def contradict(self, installation_id: str, occurred_at: float, heard_at: float, network: bytes) -> None:
        """Remember an event of a known installation that is out of the window."""
        self._agreeing.pop(installation_id, None)
        _remember(self._contradicting, installation_id, _Contradiction(occurred_at, heard_at, network))

    def weigh(self, window: Window, monotonic: float, known: Collection[str]) -> Weights:
        """Count opinions of a clock that has the ``window``; of those that agreed only the ``known`` ones count."""
        heard = list(self._heard(window, monotonic, known))
        oldest = max((at for _, at, _ in heard), default=0.0) - EVIDENCE_S
        fresh = [(reading, network) for reading, at, network in heard if at >= oldest]
        count = {reading: sum(found is reading for found, _ in fresh) for reading in Reading}
        networks = {reading: {network for found, network in fresh if found is reading} for reading in Reading}
        return Weights(
            count[Reading.RIGHT],
            count[Reading.BEHIND],
            count[Reading.AHEAD],
            len(networks[Reading.BEHIND]),
            len(networks[Reading.AHEAD]),
        )

    def _heard(
        self, window: Window, monotonic: float, known: Collection[str]
    ) -> Iterator[tuple[Reading, float, bytes | None]]:
        for contradiction in self._contradicting.values():
            time = contradiction.occurred_at + monotonic - contradiction.heard_at
            yield window.reading(time), contradiction.heard_at, contradiction.network
        for installation_id, (timestamp, heard_at) in self._agreeing.items():
            occurred_at = parse_timestamp(timestamp) if installation_id in known else None
            if occurred_at is not None:
                reading = window.reading(occurred_at.timestamp() + monotonic - heard_at)
                # Of the others the clock has jumped since, and their network is not known: they will be heard again.
                if reading is Reading.RIGHT:
                    yield reading, heard_at, None


def _remember(testimonies: OrderedDict[str, _Testimony], installation_id: str, testimony: _Testimony) -> None:
    testimonies[installation_id] = testimony
    testimonies.move_to_end(installation_id)
    if len(testimonies) > INSTALLATIONS_MAX:
        testimonies.popitem(last=False)
