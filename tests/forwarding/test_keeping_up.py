"""What happens at a node reaches the cluster: erasures, retention, complete days. And who may read the password."""

import time
from pathlib import Path
from typing import Any

import pytest

from telemetry.cluster.client import ClusterError
from telemetry.forwarding.forwarder import Forwarder
from telemetry.storage.erasure.requests import ErasureKind, ErasureRequest
from telemetry.tasks.retention import RETENTION_INTERVAL_S
from tests.support.clickhouse import PASSWORD, ClickHouseCluster
from tests.support.commands import run
from tests.support.events import Traffic, encode, make_event, timestamp
from tests.support.forwarding import (
    Engine,
    check_aggregates,
    credentials,
    events_in,
    events_of,
    forwarder,
    node_of,
    state_of,
)
from tests.support.oracle import read
from tests.support.processes import start
from tests.support.segments import DAY_S
from tests.support.server import serving
from tests.support.service import HandClock, service

pytestmark = pytest.mark.cluster

START = "2026-11-20T12:00:00"
VANDAL = "5387623e-62a8-468c-9fbe-92f1c6a8b775"
# Stored as a hash; and as a random UUID in other letters.
NAMED, UPPER = "build-host-7", "0F3C7D1A-9E4B-4C6D-8A2F-1B5E6D7C8F90"
ERASING_S = 30.0
ERASING = "SELECT erasing, node_id FROM waiting.nodes FINAL"


def of(installation: str, hand: HandClock, events: int) -> bytes:
    made = (make_event(timestamp=timestamp(hand.now, milliseconds=-n)) for n in range(events))
    return encode([event | {"installationId": installation} for event in made])


async def pass_days(started: Any, hand: HandClock, count: int) -> None:
    for number in range(count):
        await started.service.accept(encode(Traffic(seed=number, moment=hand.now, installations=20).batch(60)))
        for installation in (VANDAL, NAMED, UPPER):
            await started.service.accept(of(installation, hand, 5))
        await started.publisher.flush()
        hand.pass_time(DAY_S)
        await started.upkeep.sealer.check()


def forward_until_erased(one: Forwarder, data_dir: Path) -> None:
    deadline = time.monotonic() + ERASING_S
    one.round()
    while state_of(data_dir)["erasures_waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        one.round()


def check_same(engine: Engine, database: str, data_dir: Path) -> None:
    assert events_of(engine, database, [node_of(data_dir)["node"]]) == events_in(data_dir)
    check_aggregates(engine, database, [data_dir])
    columns = "installation_id, first_seen, last_seen"
    known = read(data_dir / "telemetry.db", f"SELECT {columns} FROM installations ORDER BY installation_id")
    seen = f"(SELECT * FROM {database}.installations FINAL)"
    sql = f"SELECT {columns} FROM {seen} ORDER BY installation_id"
    assert [tuple(line.split("\t")) for line in engine.query(sql).splitlines()] == known


async def test_erasures_reach_the_cluster_and_are_confirmed(engine: Engine, data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand) as started:
        await pass_days(started, hand, 2)
        one = forwarder(data_dir, engine.address(database="erased"), hand.clock)
        one.round()
        check_same(engine, "erased", data_dir)

        for installation, kind in ((VANDAL, "exclude"), (NAMED, "forget"), (UPPER, "forget")):
            await started.upkeep.eraser.erase(ErasureRequest(installation, ErasureKind(kind)))
        # It may send again at once.
        await started.service.accept(of(NAMED, hand, 3))
        await started.publisher.flush()
        forward_until_erased(one, data_dir)

        hand.pass_time(DAY_S)
        await started.upkeep.sealer.check()
        one.round()
        check_same(engine, "erased", data_dir)
    tables = ("events", "installations")
    for erased in (VANDAL, UPPER):
        counts = [engine.query(f"SELECT count() FROM erased.{t} WHERE installation_id = '{erased}'") for t in tables]
        assert counts == ["0", "0"]
    # A forwarder that knows nothing of what was confirmed asks again, and deletes no event that came since.
    (data_dir / "forwarding.json").unlink()
    forward_until_erased(forwarder(data_dir, engine.address(database="erased"), hand.clock), data_dir)
    check_same(engine, "erased", data_dir)


async def test_an_erasure_waits_for_a_replica_that_is_down(clickhouse: ClickHouseCluster, data_dir: Path) -> None:
    hand = HandClock(START)
    address = clickhouse.address(database="waiting")
    async with service(data_dir, hand) as started:
        await pass_days(started, hand, 1)
        one = forwarder(data_dir, address, hand.clock)
        one.round()
        clickhouse.servers[3].kill()
        try:
            await started.upkeep.eraser.erase(ErasureRequest(VANDAL, ErasureKind.FORGET))
            one.round()
            assert state_of(data_dir)["erasures_waiting"] == 1
            assert clickhouse.query(ERASING).startswith("1\t")
        finally:
            clickhouse.servers[3].start()
            clickhouse.servers[3].wait_until_ready()
        forward_until_erased(one, data_dir)
    assert clickhouse.query(ERASING).startswith("0\t")
    held = f"SELECT count() FROM waiting.events_local WHERE installation_id = '{VANDAL}'"
    assert [clickhouse.query(held, number) for number in range(4)] == ["0"] * 4


async def test_days_that_retention_has_removed_are_dropped(engine: Engine, data_dir: Path) -> None:
    hand = HandClock(START)
    async with service(data_dir, hand, retention_days=2) as started:
        await pass_days(started, hand, 4)
        one = forwarder(data_dir, engine.address(database="retained"), hand.clock)
        one.round()
        assert engine.query("SELECT min(day) FROM retained.events") == "2026-11-20"
        assert engine.query("SELECT complete_through, node_id FROM retained.nodes FINAL").startswith("2026-11-23\t")
        for _ in range(3):
            await started.upkeep.retention.check()
            hand.pass_time(RETENTION_INTERVAL_S)
        one.round()
        # The numbers of the days stay.
        hand.pass_time(DAY_S)
        one.round()
        check_same(engine, "retained", data_dir)

    left = sorted(path.stem for path in (data_dir / "events").glob("*.db"))
    assert left[0] > "2026-11-20"
    assert engine.query("SELECT DISTINCT day FROM retained.events ORDER BY day").splitlines() == left
    told = "SELECT day, events FROM (SELECT * FROM retained.days FINAL) WHERE removed = 0 ORDER BY day"
    assert engine.query(told).splitlines() == [f"{day}\t{len(events_in_day(data_dir, day))}" for day in left]


def events_in_day(data_dir: Path, day: str) -> list[Any]:
    return read(data_dir / "events" / f"{day}.db", "SELECT id FROM events")


def test_a_cluster_that_comes_back_has_everything(clickhouse: ClickHouseCluster, data_dir: Path) -> None:
    address = clickhouse.address(database="back")
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        server.post(encode(Traffic().batch(90)))
        assert server.stop() == 0
    one = forwarder(data_dir, "clickhouse://127.0.0.1:1/back")
    with pytest.raises(ClusterError, match="cannot be reached"):
        one.round()
    assert state_of(data_dir)["cursors"] == {}
    again = forwarder(data_dir, address)
    again.round()
    assert again.sent == 90
    # Tables that somebody has dropped are made again, and a day is sent again on demand.
    clickhouse.query("DROP DATABASE back ON CLUSTER drift")
    again.send_again("2000-01-01")
    with pytest.raises(ClusterError):
        again.round()
    again.round()
    assert events_of(clickhouse, "back", [node_of(data_dir)["node"]]) == events_in(data_dir)
    check_aggregates(clickhouse, "back", [data_dir])


def test_the_password_is_seen_by_nobody_and_the_servers_are_who_they_should_be(
    clickhouse: ClickHouseCluster, imported: Path, tmp_path: Path
) -> None:
    environment = credentials(tmp_path / "credentials")
    own = clickhouse.servers[0].folder / "server.crt"
    port = clickhouse.servers[0].ports["https"]
    address = f"clickhouse://drift@127.0.0.1:{port}/secure?cluster=drift&secure=yes"
    whole = ("forward", "--once", "--data-dir", imported, "--cluster")

    refused = run(*whole, address, **environment)
    assert refused.returncode == 69
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
    wrong = run(*whole, f"{address}&ca={own}", TELEMETRY_CLUSTER_PASSWORD="wrong")
    assert wrong.returncode == 69
    assert "code 193" in wrong.stderr

    process = start(
        "forward", "--data-dir", imported, "--cluster", f"{address}&ca={own}", "--forward-interval-s", "0.1",
        environment=environment, prefix=("env",), merged=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not state_of_if_any(imported).get("caught_up_at"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        process.send_signal(15)
        output, _ = process.communicate(timeout=30)
    assert process.wait() == 0
    assert PASSWORD.encode() not in shown
    for text in (output, refused.stderr, wrong.stderr, (imported / "forwarding.json").read_text()):
        assert PASSWORD not in text
    assert "what the cluster has is noted" in output


def state_of_if_any(data_dir: Path) -> dict[str, Any]:
    return state_of(data_dir) if (data_dir / "forwarding.json").exists() else {}
