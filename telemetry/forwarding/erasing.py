"""Erasures in the cluster: an erasure is confirmed when no server holds a row of the installation."""

import logging
from collections.abc import Callable, Iterable, Iterator

from telemetry.catalogue.stored_ids import HASHED_PREFIX, IdKey, is_random_uuid
from telemetry.cluster.client import ClusterClient, ClusterError
from telemetry.cluster.tables import EVENTS, INSTALLATIONS_SEEN, ClusterTable
from telemetry.cluster.text import quoted
from telemetry.forwarding.shipping import delete_rows
from telemetry.storage.aggregates.adding import chunks
from telemetry.storage.directory.node import ClusterNode
from telemetry.storage.erasure.exclusions import hashed

logger = logging.getLogger(__name__)

# How long to wait before asking for the same deletion again while a server is down.
_ASKED_AGAIN_S = 600.0
_ERASURES_PER_STATEMENT = 100
_USUAL = f"^({HASHED_PREFIX}[0-9a-f]{{32}}|[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})$"
_HASH = "lower(hex(SHA256(installation_id)))"


class ClusterEraser:
    """Asks the cluster for deletions and checks whether they are done. Installations are given by their hashes."""

    def __init__(
        self, client: ClusterClient, monotonic: Callable[[], float], id_key: Callable[[], IdKey | None]
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._id_key = id_key
        self._asked: dict[str, float] = {}

    def erase(self, node: ClusterNode, erasures: dict[str, str]) -> list[str]:
        """Return the hashes of the installations that the cluster holds nothing of any more.

        ``erasures`` has the end of each erasure by hash; events that came after that end stay. Give erasures that are
        not confirmed again in the next round. Raises ``ClusterError``.
        """
        confirmed: list[str] = []
        odd = self._odd_ids() if erasures else []
        for some in chunks(erasures.items(), _ERASURES_PER_STATEMENT):
            of_events, of_installations = self._conditions(node, some, odd)
            conditions = ((EVENTS, of_events), (INSTALLATIONS_SEEN, of_installations))
            # Check both tables, so that both deletions go on at the same time.
            held = [self._holds(table, condition) for table, condition in conditions]
            if not any(held):
                confirmed += [one for one, _ in some]
        return confirmed

    def _holds(self, table: ClusterTable, condition: str) -> bool:
        """Tell whether a server may hold rows, and have these deleted unless a deletion is already under way."""
        address = self._client.address
        database, _, name = table.stored_in(address).partition(".")
        unfinished = f"is_done = 0 AND database = {quoted(database)} AND table = {quoted(name)}"
        try:
            held = any(self._client.number_on_each(f"SELECT count() FROM {database}.{name} WHERE {condition}"))
            going_on = held and any(
                self._client.number_on_each(f"SELECT count() FROM system.mutations WHERE {unfinished}")
            )
        except ClusterError as error:
            # The other servers delete now; a server that is down deletes when it is back.
            logger.warning("an erasure cannot be confirmed yet", extra={"reason": str(error)})
            held, going_on = True, self._asked_lately(condition)
        if held and not going_on:
            delete_rows(self._client, table, condition)
            self._asked[condition] = self._monotonic()
        return held

    def _asked_lately(self, condition: str) -> bool:
        oldest = self._monotonic() - _ASKED_AGAIN_S
        self._asked = {one: at for one, at in self._asked.items() if at > oldest}
        return condition in self._asked

    def _conditions(self, node: ClusterNode, erasures: Iterable[tuple[str, str]], odd: list[str]) -> tuple[str, str]:
        of_events, hashes = [], []
        for erased, finished_at in erasures:
            until = f"created_at <= toDateTime({quoted(finished_at)}, 'UTC')"
            for one in map(quoted, self._meant(erased, odd)):
                hashes.append(one)
                of_events.append(f"({_HASH} = {one} AND {until})")
        nodes = ", ".join(map(quoted, node.lineage))
        return (
            f"node_id IN ({nodes}) AND ({' OR '.join(of_events)})",
            f"node_id = {quoted(node.origin)} AND {_HASH} IN ({', '.join(hashes)})",
        )

    def _meant(self, erased: str, odd: list[str]) -> Iterator[str]:
        """Return the hashes of all ids of an erased installation: earlier programs stored ids as they were sent."""
        yield erased
        key = self._id_key() if odd else None
        if key is not None:
            yield from (hashed(one) for one in odd if hashed(key.stored(one)) == erased)

    def _odd_ids(self) -> list[str]:
        """Return the ids that are stored as they were sent, although they are not random UUIDs."""
        events = EVENTS.seen_in(self._client.address)
        is_odd = f"NOT match(installation_id, {quoted(_USUAL)})"
        found = self._client.rows(f"SELECT DISTINCT installation_id FROM {events} WHERE {is_odd}")
        return [one for (one,) in found if not is_random_uuid(one)]
