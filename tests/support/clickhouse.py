"""A real ClickHouse cluster on loopback: Debian's server as two shards by two replicas, with Debian's ZooKeeper."""

import base64
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER = "/usr/sbin/clickhouse-server"
ZOOKEEPER = Path("/usr/share/java/zookeeper.jar")
CLUSTER = "drift"
USER, PASSWORD = "drift", "a password that must not be seen"
SHARDS, REPLICAS = 2, 2
START_TIMEOUT_S = 60.0

_SERVER_CONFIG = """<yandex>
    <logger><level>warning</level><log>{folder}/server.log</log><errorlog>{folder}/error.log</errorlog></logger>
    <http_port>{http}</http_port>
    {tls}
    <tcp_port>{tcp}</tcp_port>
    <interserver_http_port>{interserver}</interserver_http_port>
    <interserver_http_host>127.0.0.1</interserver_http_host>
    <listen_host>127.0.0.1</listen_host>
    <max_connections>256</max_connections>
    <uncompressed_cache_size>8388608</uncompressed_cache_size>
    <mark_cache_size>67108864</mark_cache_size>
    <path>{folder}/data/</path>
    <tmp_path>{folder}/tmp/</tmp_path>
    <users_config>{folder}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <timezone>UTC</timezone>
    <remote_servers><{cluster}>{shards}</{cluster}></remote_servers>
    <zookeeper><node><host>127.0.0.1</host><port>{zookeeper}</port></node></zookeeper>
    <macros><shard>{shard}</shard><replica>{replica}</replica></macros>
    <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
    <compression></compression>
</yandex>
"""
_TLS_CONFIG = """<https_port>{https}</https_port>
    <openSSL><server>
        <certificateFile>{folder}/server.crt</certificateFile><privateKeyFile>{folder}/server.key</privateKeyFile>
        <verificationMode>none</verificationMode><disableProtocols>sslv2,sslv3</disableProtocols>
    </server></openSSL>"""
_USERS = """<yandex>
    <profiles><default><max_memory_usage>1000000000</max_memory_usage></default></profiles>
    <quotas><default></default></quotas>
    <users>
        <default>
            <password></password><networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile><quota>default</quota>
        </default>
        <{user}>
            <password>{password}</password><networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile><quota>default</quota>
        </{user}>
    </users>
</yandex>
"""
_SHARD = "<shard><internal_replication>true</internal_replication>{replicas}</shard>"
_REPLICA = "<replica><host>127.0.0.1</host><port>{port}</port></replica>"
# It names tables without entries too, whose pointer and newest entry are both 0.
_BEHIND = "SELECT database, table FROM system.replicas WHERE queue_size > 0 OR log_pointer <= log_max_index"
_LOGGING = "log4j.rootLogger=OFF\n"
_ZOOKEEPER_CONFIG = """tickTime=500
dataDir={folder}/data
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
maxClientCnxns=0
"""


def missing_packages() -> str | None:
    """Name the first Debian package that the cluster needs and this machine lacks."""
    needs = {"clickhouse-server": Path(SERVER), "zookeeper": ZOOKEEPER}
    return next((name for name, path in needs.items() if not path.exists()), None)


class ClickHouseServer:
    """One server, which can be killed and started again with what it has stored."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder = folder
        self.ports = ports
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    def start(self) -> None:
        command = [SERVER, f"--config-file={self.folder}/config.xml"]
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with suppress(OSError):
                self.query("SELECT 1")
                return
            assert time.monotonic() < deadline, (self.folder / "error.log").read_text()[-2_000:]
            time.sleep(0.05)

    def query(self, sql: str) -> str:
        """Return what the server answers as its default user; raise ``AssertionError`` with what it objects to."""
        try:
            with urllib.request.urlopen(f"{self.url}/", sql.encode(), timeout=60) as answer:
                text: str = answer.read().decode()
                return text.strip()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    @property
    def runs(self) -> bool:
        return self._process is not None

    def catch_up(self) -> None:
        """Return when the server has what other replicas had before."""
        for line in self.query(_BEHIND).splitlines():
            database, table = line.split("\t")
            self.query(f"SYSTEM SYNC REPLICA {database}.{table}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class ClickHouseCluster:
    """Two shards by two replicas, ``servers`` in the order shard, replica: 0 and 1 hold the same rows."""

    def __init__(self, folder: Path) -> None:
        self._zookeeper: subprocess.Popen[bytes] | None = None
        self._folder = folder
        names = ("http", "https", "tcp", "interserver")
        count = SHARDS * REPLICAS
        ports = _free_ports(count * len(names) + 1)
        self._zookeeper_port = ports.pop()
        self.servers = [
            ClickHouseServer(
                folder / f"server-{number}", dict(zip(names, ports[number * 4 : number * 4 + 4], strict=True))
            )
            for number in range(count)
        ]

    def address(self, *, database: str = "drift", port: str = "http", options: str = "") -> str:
        """Return the cluster as `telemetry forward` is told of it; all its servers are named."""
        hosts = ",".join(f"127.0.0.1:{server.ports[port]}" for server in self.servers)
        return f"clickhouse://{USER}@{hosts}/{database}?cluster={CLUSTER}{options}"

    def query(self, sql: str, server: int = 0) -> str:
        """Return what a server answers; while all of them run, that is of everything written before."""
        if all(one.runs for one in self.servers):
            for one in self.servers:
                one.catch_up()
        return self.servers[server].query(sql)

    def start(self) -> None:
        self._start_zookeeper()
        for number, server in enumerate(self.servers):
            self._configure(number, server)
            server.start()
        for server in self.servers:
            server.wait_until_ready()

    def stop(self) -> None:
        for server in self.servers:
            server.kill()
        if self._zookeeper is not None:
            self._zookeeper.kill()
            self._zookeeper.wait()

    def _start_zookeeper(self) -> None:
        folder = self._folder / "zookeeper"
        (folder / "data").mkdir(parents=True)
        (folder / "log4j.properties").write_text(_LOGGING)
        (folder / "zoo.cfg").write_text(_ZOOKEEPER_CONFIG.format(folder=folder, port=self._zookeeper_port))
        jars = f"{folder}:{ZOOKEEPER.parent}/*"
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        command = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-cp", jars, main, str(folder / "zoo.cfg")]
        with (folder / "output").open("wb") as output:
            self._zookeeper = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _listens(self._zookeeper_port):
            assert time.monotonic() < deadline, (folder / "output").read_text()
            time.sleep(0.05)

    def _configure(self, number: int, server: ClickHouseServer) -> None:
        server.folder.mkdir(parents=True)
        tcp = [one.ports["tcp"] for one in self.servers]
        shards = "".join(
            _SHARD.format(replicas="".join(_REPLICA.format(port=port) for port in tcp[first : first + REPLICAS]))
            for first in range(0, len(tcp), REPLICAS)
        )
        tls = ""
        if shutil.which("openssl"):
            make_certificate(server.folder)
            tls = _TLS_CONFIG.format(folder=server.folder, https=server.ports["https"])
        config = _SERVER_CONFIG.format(
            folder=server.folder,
            **{name: port for name, port in server.ports.items() if name != "https"},
            tls=tls,
            cluster=CLUSTER,
            shards=shards,
            zookeeper=self._zookeeper_port,
            shard=number // REPLICAS,
            replica=number % REPLICAS,
        )
        (server.folder / "config.xml").write_text(config)
        (server.folder / "users.xml").write_text(_USERS.format(user=USER, password=PASSWORD))


def make_certificate(folder: Path) -> None:
    """Make a certificate for 127.0.0.1, which is its own authority."""
    files = ["-keyout", str(folder / "server.key"), "-out", str(folder / "server.crt")]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *curve, *subject, *files], capture_output=True, check=True)


@contextmanager
def clickhouse_cluster(folder: Path) -> Iterator[ClickHouseCluster]:
    """Run a cluster below a folder until the end of the block."""
    cluster = ClickHouseCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


CURRENT_PYTHON = Path(__file__).parents[2] / ".venv/cluster/bin/python"


class CurrentEngine:
    """The current engine, as one server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def address(self, *, database: str = "drift") -> str:
        return f"clickhouse://{USER}@127.0.0.1:{self._port}/{database}"

    def query(self, sql: str, _server: int = 0) -> str:
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/", sql.encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text: str = answer.read().decode()
            return text.strip()


@contextmanager
def current_engine(folder: Path) -> Iterator[CurrentEngine]:
    """Run the current engine until the end of the block."""
    command = [str(CURRENT_PYTHON), "-P", str(Path(__file__).with_name("current_engine.py")), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield CurrentEngine(int(process.stdout.readline()))
        finally:
            process.communicate("")
