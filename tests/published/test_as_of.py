"""How recent the public statistics say that they are."""

import json
from pathlib import Path

from tests.support.events import Traffic, encode
from tests.support.service import HandClock, service


async def test_as_of_moves_on_while_no_events_come_and_the_etag_stays(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand) as started:
        await started.service.accept(encode(Traffic(moment=hand.now).batch(3)))
        await started.publisher.flush()
        before = started.publisher.stats
        hand.pass_time(60)
        await started.publisher.flush()
        after = started.publisher.stats

    assert after.etag == before.etag
    old, new = json.loads(before.body), json.loads(after.body)
    assert (old.pop("asOf"), new.pop("asOf")) == ("2026-11-23T12:00:00.000Z", "2026-11-23T12:01:00.000Z")
    assert (old.pop("generatedAt"), new.pop("generatedAt")) == ("2026-11-23T12:00:00.000Z", "2026-11-23T12:01:00.000Z")
    assert old == new
