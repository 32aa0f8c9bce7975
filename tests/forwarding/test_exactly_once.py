"""Whatever fails between a node and a cluster, the cluster has every event once."""

import random
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from tests.support.backups import backup
from tests.support.clickhouse import ClickHouseCluster
from tests.support.commands import run, succeed
from tests.support.events import Traffic, encode
from tests.support.forwarding import check_aggregates, credentials, events_in, events_of, node_of
from tests.support.lossy_proxy import LossyProxy
from tests.support.processes import Process, start
from tests.support.server import ServerProcess, serving

pytestmark = pytest.mark.cluster

BATCHES = 330
FLUSHING = ("--flush-interval-s", "0.2")
LOST_SHARE = 0.15
# Each forwarder sees so many kills, and the first so many lost replies, however fast the machine is.
KILLS, LOST = 2, 11
FAULTS_S = 60.0


class Forwarding:
    """A forwarder as a process, killed again and again until the end of the block."""

    def __init__(
        self, data_dir: Path, address: str, environment: dict[str, str], seed: int, proxies: list[LossyProxy]
    ) -> None:
        self.kills = 0
        self._proxies = proxies
        self._random = random.Random(seed)
        self._command = ("forward", "--data-dir", str(data_dir), "--cluster", address, "--forward-interval-s", "0.1")
        self._environment = environment
        self._ended = False
        self._thread = Thread(target=self._run)

    def __enter__(self) -> "Forwarding":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()

    def wait_for_faults(self) -> None:
        """Return after at least ``KILLS`` kills, and ``LOST`` replies lost; fail if they do not come."""
        deadline = time.monotonic() + FAULTS_S
        while self.kills < KILLS or sum(proxy.lost for proxy in self._proxies) < LOST:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _run(self) -> None:
        while not self._ended:
            process = self._start()
            until = time.monotonic() + self._random.uniform(1, 4)
            while time.monotonic() < until and not self._ended:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            process.kill()
            process.communicate()
            self.kills += 1

    def _start(self) -> Process:
        # Not forked: the process that forks has one client, and this is another thread.
        return start(*self._command, prefix=("env",), environment=self._environment)


def post(server: ServerProcess, traffic: Traffic, batches: int) -> None:
    for _ in range(batches):
        answer = server.post(encode(traffic.batch(100)))
        assert answer.status == 200, answer.body


def test_the_cluster_has_every_event_once_after_lost_replies_kills_restarts_and_a_restored_backup(
    clickhouse: ClickHouseCluster, data_dir: Path, backups: Path, tmp_path: Path, seed: int
) -> None:
    traffic, environment = Traffic(seed), credentials(tmp_path / "credentials")
    whole = ("forward", "--once", "--data-dir", data_dir, "--cluster", clickhouse.address(database="exactly"))
    with ExitStack() as stack:
        proxies = [
            stack.enter_context(LossyProxy(server.ports["http"], LOST_SHARE, seed + number).running())
            for number, server in enumerate(clickhouse.servers)
        ]
        hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        address = f"clickhouse://drift@{hosts}/exactly?cluster=drift"
        with serving(data_dir) as server:
            assert server.stop() == 0
        with Forwarding(data_dir, address, environment, seed, proxies) as first:
            with serving(data_dir, *FLUSHING) as server:
                post(server, traffic, BATCHES // 2)
                # A replica is gone for a while, and the node crashes.
                clickhouse.servers[1].kill()
                post(server, traffic, BATCHES // 4)
                server.kill()
            with serving(data_dir, *FLUSHING) as server:
                backup(data_dir, backups)
                clickhouse.servers[1].start()
                post(server, traffic, BATCHES // 4)
                clickhouse.servers[1].wait_until_ready()
                first.wait_for_faults()
                assert server.stop() == 0
        succeed(*whole, **environment)
        before, sent = node_of(data_dir), events_in(data_dir)
        assert events_of(clickhouse, "exactly", [before["node"]]) == sent
        check_aggregates(clickhouse, "exactly", [data_dir])

        succeed("restore", backups, "--to", data_dir, "--force")
        with (
            Forwarding(data_dir, address, environment, seed, proxies) as second,
            serving(data_dir, *FLUSHING) as server,
        ):
            post(server, traffic, BATCHES)
            second.wait_for_faults()
            assert server.stop() == 0
    succeed(*whole, **environment)

    after = node_of(data_dir)
    assert after["origin"] == before["node"] != after["node"]
    (inherited,) = after["inherited"]
    # What came after the backup stays in the cluster, and gives no place to what came after the restore.
    assert events_of(clickhouse, "exactly", [before["node"]]) == sent
    assert events_of(clickhouse, "exactly", [after["node"]]) == events_in(data_dir, inherited["last_ids"])
    check_aggregates(clickhouse, "exactly", [data_dir])
    assert len(sent) + BATCHES * 100 >= 60_000
    # Both replicas of a shard have the same.
    counts = [clickhouse.query("SELECT count() FROM exactly.events_local FINAL", number) for number in range(4)]
    assert counts[0] == counts[1]
    assert counts[2] == counts[3]


def test_sending_everything_again_changes_nothing(
    clickhouse: ClickHouseCluster, imported: Path, tmp_path: Path
) -> None:
    address, environment = clickhouse.address(database="again"), credentials(tmp_path / "credentials")
    forward = ("forward", "--once", "--data-dir", imported, "--cluster", address)
    succeed("migrate", "--data-dir", imported)
    assert succeed(*forward, **environment) == "302 events sent\n"
    assert succeed(*forward, **environment) == "0 events sent\n"
    assert succeed(*forward, "--resend", "2026-11-23", **environment) == "302 events sent\n"

    assert events_of(clickhouse, "again", [node_of(imported)["node"]]) == events_in(imported)
    check_aggregates(clickhouse, "again", [imported])
    # As if the host were another one, with the files of a backup only.
    for name in ("forwarding.json", "forwarded.db"):
        (imported / name).unlink()
    assert succeed(*forward, **environment) == "302 events sent\n"
    assert events_of(clickhouse, "again", [node_of(imported)["node"]]) == events_in(imported)
    check_aggregates(clickhouse, "again", [imported])


def test_two_forwarders_of_a_directory_are_one_too_many(imported: Path) -> None:
    forward = ("forward", "--data-dir", imported, "--cluster", "clickhouse://127.0.0.1:1/gone")
    first = start(*forward)
    try:
        while not (imported / "forwarding.json").exists():
            assert first.poll() is None
            time.sleep(0.05)
        refused = run(*forward)
        assert refused.returncode == 75
        assert "another process forwards" in refused.stderr
    finally:
        first.kill()
        first.communicate()
