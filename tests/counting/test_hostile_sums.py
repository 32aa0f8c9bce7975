"""What one stranger can do to everybody's numbers and to the memory."""

import select
import socket
from pathlib import Path

from tests.support import oracle
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.server import serving
from tests.support.service import HandClock, service

LARGEST = 2**53 - 1


async def test_the_largest_numbers_that_an_event_may_hold_never_bring_a_sum_beyond_its_integers(data_dir: Path) -> None:
    hand = HandClock()
    async with service(data_dir, hand, duplicate_window_events=1) as started:
        for number in range(22):
            moment = timestamp(hand.now, seconds=-number)
            hostile = [
                make_event("pattern_signature", timestamp=moment, locationCount=LARGEST, outlierCount=LARGEST - index)
                for index in range(50)
            ]
            hostile += [
                make_event("user_action", timestamp=moment, hoursSinceDiscovery=-LARGEST + index) for index in range(50)
            ]
            await started.service.accept(encode(hostile))
            await started.publisher.flush()

    assert len(oracle.check(data_dir)) == 2_200
    aggregates = data_dir / "telemetry.db"
    assert oracle.read(aggregates, "SELECT typeof(locations), typeof(outliers) FROM signature_counts") == [
        ("integer", "integer")
    ]
    assert oracle.read(aggregates, "SELECT typeof(hours) FROM action_aggregates") == [("integer",)]


def test_bodies_that_are_still_arriving_share_a_bound(data_dir: Path) -> None:
    flags = ("--body-bytes-max", "1000000", "--reading-bytes-max", "2000000", "--body-timeout-s", "30")
    with serving(data_dir, *flags) as server:
        unfinished = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for connection in unfinished:
            connection.sendall(
                b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + b"{" * 800_000
            )
        # The one that has held most for the longest time goes.
        ready, _, _ = select.select(unfinished, [], [], 10)
        refused = ready[0].recv(4_096)
        assert server.post(encode(Traffic().batch(1))).status == 200
        for connection in unfinished:
            connection.close()
        assert server.stop() == 0

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"busy"' in refused
    assert len(oracle.check(data_dir)) == 1
