"""The recipes of the manual, run as they are pasted."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from telemetry.loading import load
from telemetry.storage.sqlite.migrations import newer_copy
from tests.storage.aggregates.test_older_schema import left_by_the_first
from tests.support import oracle
from tests.support.admin import scrape
from tests.support.cli import fill
from tests.support.events import Traffic, encode
from tests.support.pasted import Host
from tests.support.proxies import EXAMPLES, caddy, caddy_version, changed, example, needing, proxying
from tests.support.server import serving

PAGE_FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (PAGE_FOLDER / "recipes.md").read_text()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs the Debian package prometheus")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def blocks(title: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", section(title), re.MULTILINE | re.DOTALL)


@contextmanager
def unmounting(place: Path) -> Iterator[None]:
    """Unmount what a block has mounted, whatever becomes of it."""
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=False, capture_output=True)


def test_every_block_of_the_page_is_in_a_language_that_is_tried() -> None:
    assert set(re.findall(r"^```(.+)$", PAGE, re.MULTILINE)) == {"sh", "yaml", "ini", "caddyfile"}


def test_an_instance_moves_to_a_new_host(tmp_path: Path) -> None:
    old, new = Host(tmp_path / "old"), Host(tmp_path / "new")
    asyncio.run(fill(old.data))
    (old.root / "etc/drift-telemetry/production.env").write_text("TELEMETRY_RETENTION_DAYS=60\n")
    prepare, leave, arrive = blocks("Move to a new host", "sh")

    new.paste(prepare)
    old.paste(leave.replace("ssh root@new.example.org tar -C /", f"tar -C {new.root}"))
    printed = new.paste(arrive)

    assert "no problems found" in printed
    assert oracle.raw_events(new.data) == oracle.raw_events(old.data)
    assert (new.data / "id.key").read_bytes() == (old.data / "id.key").read_bytes()
    assert (new.root / "etc/drift-telemetry/production.env").exists()
    for unit in ("@production.socket", "@production.service", "-backup@production.timer"):
        assert re.search(rf"^disable --now.* drift-telemetry{unit}", (old.root / "systemctl").read_text(), re.MULTILINE)
    oracle.check(new.data)


@needs_root
def test_the_data_moves_to_another_disk(tmp_path: Path) -> None:
    host = Host(tmp_path / "host")
    asyncio.run(fill(host.data))
    events = oracle.raw_events(host.data)
    move, clean = blocks("Put the data on another disk", "sh")

    with unmounting(host.data):
        host.paste(move)
        assert f" {host.data} " in Path("/proc/self/mounts").read_text()
        # Only then does systemd know that the service needs the mount.
        assert "daemon-reload" in (host.root / "systemctl").read_text().splitlines()
        assert "no problems found" in host.paste("sudo telemetry-production check")
        host.paste(clean)
        assert oracle.check(host.data) == events
    assert list(host.data.iterdir()) == []


def test_an_upgrade_is_taken_back_with_the_copy_that_it_kept(tmp_path: Path) -> None:
    host = Host(tmp_path / "host")
    asyncio.run(left_by_the_first(host.data, tmp_path))
    older = oracle.read(host.data / "telemetry.db", "SELECT * FROM daily_stats ORDER BY 1, 2")
    releases = host.root / "opt/drift-telemetry/releases"
    for name in ("20261031T120000Z", "20261101T120000Z", "20261102T120000Z", "20261103T120000Z"):
        (releases / name).mkdir()
    current = host.root / "opt/drift-telemetry/current"
    current.symlink_to(releases / "20261102T120000Z")
    with serving(host.data) as server:
        assert server.post(encode(Traffic(seed=9).batch(10))).status == 200
        assert server.stop() == 0

    printed = host.paste(*blocks("Go back to the previous release", "sh"))

    assert "The release is 20261101T120000Z now\ntelemetry.db is telemetry.db-schema-1 now" in printed
    assert current.readlink() == releases / "20261101T120000Z"
    # An erasure removes it.
    assert newer_copy(host.data / "telemetry.db").exists()
    assert oracle.read(host.data / "telemetry.db", "PRAGMA user_version") == [(1,)]
    assert oracle.read(host.data / "telemetry.db", "SELECT * FROM daily_stats ORDER BY 1, 2") == older
    with serving(host.data) as server:
        assert server.stop() == 0
    assert len(oracle.check(host.data)) == 30


def test_where_no_older_release_is_left_nothing_is_changed_and_that_is_said(tmp_path: Path) -> None:
    host = Host(tmp_path / "host")
    only = host.root / "opt/drift-telemetry/releases/20261102T120000Z"
    only.mkdir()
    (host.root / "opt/drift-telemetry/current").symlink_to(only)
    host.data.mkdir(parents=True)
    for name in ("telemetry.db", "telemetry.db-schema-1"):
        (host.data / name).write_text(name)

    printed = host.paste_all(*blocks("Go back to the previous release", "sh"))

    assert printed == "There is no release older than 20261102T120000Z: nothing was changed\n"
    assert (host.data / "telemetry.db").read_text() == "telemetry.db"
    assert (host.root / "systemctl").read_text().splitlines()[-1].startswith("start drift-telemetry@production.socket")


@needing("caddy")
def test_behind_a_cdn_each_client_has_an_allowance_of_its_own(tmp_path: Path) -> None:
    (line,), (setting,) = blocks("Put a CDN in front", "caddyfile"), blocks("Put a CDN in front", "ini")
    # The network of this test's client stands in for one of the CDN.
    line, setting = (changed(text, {"192.0.2.0/24": "127.0.0.0/24"}) for text in (line, setting))
    networks = setting.partition("=")[2].strip().strip('"')
    flags = ("--trusted-proxies", networks, "--rate-limit-burst", "1", "--rate-limit-requests-per-minute", "1")
    with serving(tmp_path / "data", *flags) as server:
        config = example(caddy, f"127.0.0.1:{server.port}", {"\t\theader_up -Cookie": f"{line}\t\theader_up -Cookie"})
        with proxying(caddy, tmp_path / "proxy", config) as proxy:
            clients = ("198.51.100.7", "198.51.100.8", "198.51.100.7")
            answers = [proxy.request("GET", "/v1/stats", headers={"X-Forwarded-For": one}).status for one in clients]
        assert server.stop() == 0
    assert answers == [200, 200, 429]


@needs_promtool
def test_prometheus_understands_the_metrics_and_the_rules_know_them(tmp_path: Path) -> None:
    config, rules = blocks("Watch it with Prometheus", "yaml")
    (tmp_path / "drift-telemetry.rules.yml").write_text(rules)
    (tmp_path / "token").write_text("token")
    changes = {"/etc/prometheus/drift-telemetry.token": str(tmp_path / "token")}
    (tmp_path / "prometheus.yml").write_text(changed(config, changes))
    checked = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, "SUCCESS: 11 rules found" in checked.stdout) == (0, True), checked.stdout

    with serving(tmp_path / "data") as server:
        server.post(encode(Traffic().batch(3)))
        metrics = scrape(tmp_path / "data").text
        assert server.stop() == 0
    linted = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
    named = set(re.findall(r"drift_telemetry_\w+", " ".join(re.findall(r"expr: (.*(?:\n {10}.*)?)", rules))))
    assert named <= set(re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE)), named


def test_the_metrics_have_a_port_of_their_own_and_a_token_that_prometheus_sends(tmp_path: Path) -> None:
    host = Host(tmp_path / "host")
    (host.root / "etc/prometheus").mkdir()
    host.paste(*blocks("Watch it with Prometheus", "sh"))

    tokens = ("etc/credstore/drift-telemetry.production.admin_token", "etc/prometheus/drift-telemetry.token")
    given, sent = ((host.root / token).read_text() for token in tokens)
    name, _, port = (host.root / "etc/drift-telemetry/production.env").read_text().strip().partition("=")
    settings = load({}, {name: port, "TELEMETRY_ADMIN_TOKEN": given.strip()})
    assert given == sent
    assert f"127.0.0.1:{settings.admin_port}" in section("Watch it with Prometheus")
    # Not that of another instance.
    assert port not in (EXAMPLES / "install.sh").read_text()


def test_the_metrics_of_a_server_are_where_the_manual_says() -> None:
    (command,) = re.findall(r"^sudo curl .*$", (PAGE_FOLDER / "metrics.md").read_text(), re.MULTILINE)
    # The path of a socket has at most 107 bytes, and pytest's folders take most of them.
    with TemporaryDirectory() as root, serving((host := Host(Path(root))).data) as server:
        printed = host.paste(command.replace("sudo curl", "sudo curl --silent --fail"))
        assert server.stop() == 0
    assert "\ndrift_telemetry_healthy 1.0\n" in printed


def test_the_health_check_of_a_container_tells_a_service_from_none(data_dir: Path) -> None:
    (block,) = blocks("In a container", "yaml")
    found = re.search(r"test: (\[.*\])", block)
    assert found is not None
    with serving(data_dir) as server:
        program, *arguments = json.loads(found[1].replace("127.0.0.1:8787", f"127.0.0.1:{server.port}"))[1:]
        assert program == "python3"
        assert subprocess.run([program, *arguments], check=False).returncode == 0
        assert server.stop() == 0
    assert subprocess.run([program, *arguments], check=False, capture_output=True).returncode != 0


@needing("caddy")
@pytest.mark.skipif(bool(shutil.which("caddy")) and caddy_version() >= [2, 6, 3], reason="needs Debian's Caddy 2.6.2")
def test_the_example_of_a_caddyfile_loads_as_it_is(tmp_path: Path) -> None:
    file, home = EXAMPLES / "Caddyfile.example", {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    for action in ("adapt", "validate"):
        done = subprocess.run(
            ["caddy", action, "--adapter", "caddyfile", "--config", file], env=os.environ | home, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
