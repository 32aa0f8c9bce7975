"""Public numbers made from a cluster are those that one node with all the events would make."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from telemetry.running import Running
from tests.support.clickhouse import ClickHouseCluster
from tests.support.commands import run
from tests.support.events import encode
from tests.support.forwarding import Engine, credentials, forwarder
from tests.support.publishing import Crowd, production
from tests.support.segments import DAY_S
from tests.support.server import serving
from tests.support.service import HandClock, service

pytestmark = pytest.mark.cluster

START = "2026-11-02T12:00:00"
DAYS = 4
PRODUCTION = ("--environment", "production")
SHARED_KEY = {"id_key": "ab" * 32}


async def send_days(data_dirs: list[Path], engine: Engine | None, database: str) -> None:
    """Have installations send events on some days, each to its node, and some of it to another one too."""
    hand, crowd = HandClock(START), Crowd(7)
    settings: dict[str, Any] = production() | SHARED_KEY
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(service(one, hand, **settings)) for one in data_dirs]
        for day in range(DAYS):
            for number in range(-1, 40):
                await send(nodes, crowd.batch(number, hand.now, 9), number + day * (number % 3 == 0), number)
            for node in nodes:
                await node.publisher.flush()
            hand.pass_time(DAY_S)
            for node in nodes:
                await node.upkeep.sealer.check()
        hand.pass_time(28 * DAY_S)
        for node, data_dir in zip(nodes, data_dirs, strict=True):
            if engine is None:
                await node.upkeep.closer.check()
            else:
                forwarder(data_dir, engine.address(database=database), hand.clock).round()


async def send(nodes: list[Running], batch: list[dict[str, Any]], home: int, number: int) -> None:
    await nodes[home % len(nodes)].service.accept(encode(batch))
    if number % 4 == 0:
        # The reply was lost, and the balancer chooses another node.
        await nodes[(home + 1) % len(nodes)].service.accept(encode(batch))


async def test_a_cluster_publishes_what_one_node_with_all_events_would(engine: Engine, tmp_path: Path) -> None:
    one, many, shown = tmp_path / "one", [tmp_path / "a", tmp_path / "b", tmp_path / "c"], tmp_path / "shown"
    database = "published"
    await send_days([one], None, database)
    await send_days(many, engine, database)
    publish = ("publish", "--from", engine.address(database=database), "--data-dir", shown, *PRODUCTION)
    environment = credentials(tmp_path / "credentials")

    made = run(*publish, **environment)

    assert made.returncode == 0, made.stderr
    assert "complete up to 2026-12-03" in made.stdout
    assert (shown / "published.db").read_bytes() == (one / "published.db").read_bytes()
    # What is published is final.
    again = run(*publish, **environment)
    assert again.stdout.startswith("0 windows published")
    assert (shown / "published.db").read_bytes() == (one / "published.db").read_bytes()
    with serving(shown, "--environment", "production", "--publish-from", "cluster") as server:
        answer = server.request("GET", "/published.db")
        assert answer.body == (one / "published.db").read_bytes()


async def test_a_window_waits_for_every_node_and_for_every_event(clickhouse: ClickHouseCluster, tmp_path: Path) -> None:
    many, shown, database = [tmp_path / "a", tmp_path / "b"], tmp_path / "shown", "incomplete"
    await send_days(many, clickhouse, database)
    publish = ("publish", "--from", clickhouse.address(database=database), "--data-dir", shown, *PRODUCTION)
    environment = credentials(tmp_path / "credentials")
    late = "INSERT INTO incomplete.nodes VALUES ('11111111-2222-4333-8444-555555555555', '2026-11-02', 0, 1)"
    clickhouse.query(late)

    waiting = run(*publish, **environment)

    assert waiting.returncode == 0, waiting.stderr
    assert "complete up to 2026-11-02" in waiting.stdout
    assert "11111111-2222-4333-8444-555555555555 has sent everything up to 2026-11-02 only" in waiting.stdout
    without = (*publish, "--without", "11111111-2222-4333-8444-555555555555")
    clickhouse.query("ALTER TABLE incomplete.events_local ON CLUSTER drift DROP PARTITION '2026-11-04'")
    refused = run(*without, **environment)
    assert refused.returncode == 75
    assert "the cluster has 0 of the" in refused.stderr
