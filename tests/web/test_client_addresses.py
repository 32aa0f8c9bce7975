"""Who a client is behind the proxies and the CDN that the page about moving an old host name sets up."""

import os
import subprocess
from collections.abc import Mapping
from http.client import RemoteDisconnected
from pathlib import Path

import pytest

from tests.running.test_units import write_program
from tests.support.cut_over import (
    CADDY_FORWARDED,
    CLOUDFLARE_GEO,
    CLOUDFLARE_REAL_IP,
    CLOUDFLARE_SCRIPT,
    NGINX_FORWARDED,
    NGINX_MAP,
    Redirect,
    answering,
)
from tests.support.http import Connection, audited, parse, post_head
from tests.support.proxies import PROXIES, Command, caddy, changed, example, needing, nginx, proxying
from tests.support.server import serving
from tests.web.test_flood import assert_nothing_is_kept_of

EMPTY = b'{"events":[]}'
LIMITED = ("--rate-limit-requests-per-minute", "1", "--rate-limit-burst", "1", "--environment", "production")
FORWARDED: dict[Command, dict[str, str]] = {
    nginx: {
        "upstream drift_telemetry": f"{NGINX_MAP}\nupstream drift_telemetry",
        "X-Forwarded-For $remote_addr;\n": f"X-Forwarded-For $remote_addr;\n{NGINX_FORWARDED}",
    },
    caddy: {"\t\theader_up -Cookie\n": f"\t\theader_up -Cookie\n{CADDY_FORWARDED}"},
}


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
@pytest.mark.parametrize("command", PROXIES)
def test_behind_the_proxies_of_the_page_each_client_has_an_allowance(
    command: Command, header: str, tmp_path: Path
) -> None:
    flags = (*LIMITED, "--trusted-proxies", "127.0.0.1/32", "--client-address-header", header)
    with serving(tmp_path / "data", *flags) as server:
        changes = FORWARDED[command] if header == "Forwarded" else {}
        config = example(command, f"127.0.0.1:{server.port}", changes)
        with proxying(command, tmp_path / "proxy", config) as proxy:

            def status(address: str, claim: str) -> int:
                claims = {"Forwarded": f"for={claim}", "X-Forwarded-For": claim}
                return proxy.request("POST", "/v1/events", EMPTY, claims, address).status

            assert status("127.0.0.9", "192.0.2.1") == 200
            assert status("127.0.0.9", "192.0.2.2") == 429
            assert status("127.0.0.10", "192.0.2.2") == 200
        assert server.stop() == 0
    assert_nothing_is_kept_of(server, "127.0.0.9", "127.0.0.10")


def test_no_header_makes_the_service_refuse_a_request(data_dir: Path) -> None:
    hostile = [
        b"",
        b'"',
        b'for="' + b"\\" * 3_000,
        b";" * 4_000,
        b" " * 3_000 + b"x",
        b"for=\xff\xfe",
        "for=ü".encode(),
    ]
    flags = ("--trusted-proxies", "127.0.0.1/32", "--client-address-header", "forwarded")
    with audited(data_dir, *flags) as server, Connection(server) as connection:
        for value in hostile:
            head = post_head(len(EMPTY)).removesuffix(b"\r\n")
            connection.send(head + (b"Forwarded: %s\r\n" % value) * 2 + b"\r\n" + EMPTY)
            assert parse(connection.read_some()).status == 200, value


CLOUDFLARE = {"/ips-v4": (200, "", b"127.0.0.9/32\n192.0.2.0/24"), "/ips-v6": (200, "", b"2001:db8::/32\n")}


def fetch_networks(folder: Path, answers: Mapping[str, Redirect]) -> "subprocess.CompletedProcess[str]":
    """Run the script of the page where Cloudflare answers like that and systemd runs nginx."""
    programs = folder / "programs"
    for name in ("nginx", "systemctl"):
        write_program(programs / name, f'echo {name} "$@" >>{folder}/calls')
    with answering(answers) as cloudflare:
        script = changed(
            CLOUDFLARE_SCRIPT, {"https://www.cloudflare.com": cloudflare, "/etc/nginx/cloudflare": f"{folder}/networks"}
        )
        (folder / "script").write_text(script)
        environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", str(folder / "script")], env=environment, capture_output=True, text=True, check=False
        )


def test_the_script_of_the_page_writes_the_networks_and_reloads_nginx(tmp_path: Path) -> None:
    assert fetch_networks(tmp_path, CLOUDFLARE).returncode == 0
    networks = ["127.0.0.9/32", "192.0.2.0/24", "2001:db8::/32"]
    written = {path.name: path.read_text().splitlines() for path in (tmp_path / "networks").iterdir()}
    assert written == {
        "networks.real_ip": [f"set_real_ip_from {network};" for network in networks],
        "networks.geo": [f"{network} 1;" for network in networks],
    }
    assert (tmp_path / "calls").read_text().splitlines() == [
        "systemctl --quiet is-active nginx", "nginx -t -q", "systemctl reload nginx",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [(403, "", b"<html>"), (200, "", b"<html>"), (200, "", b"192.0.2.0/24; include /etc/passwd"), (200, "", b"")],
)
def test_the_script_of_the_page_leaves_everything_when_it_gets_no_networks(tmp_path: Path, wrong: Redirect) -> None:
    assert fetch_networks(tmp_path, CLOUDFLARE).returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "networks").iterdir()}
    (tmp_path / "calls").unlink()

    done = fetch_networks(tmp_path, CLOUDFLARE | {"/ips-v6": wrong})
    assert done.returncode != 0
    assert done.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "networks").iterdir()} == before
    assert not (tmp_path / "calls").exists()


@needing("nginx")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_behind_cloudflare_clients_are_told_apart_and_nobody_gets_past_it(header: str, tmp_path: Path) -> None:
    assert fetch_networks(tmp_path, CLOUDFLARE).returncode == 0
    flags = (*LIMITED, "--trusted-proxies", "127.0.0.1/32", "--client-address-header", header)
    with serving(tmp_path / "data", *flags) as server:
        additions = {
            "upstream drift_telemetry": f"{CLOUDFLARE_GEO}\nupstream drift_telemetry",
            "    ssl_protocols": f"{CLOUDFLARE_REAL_IP}\n    ssl_protocols",
        }
        config = changed(example(nginx, f"127.0.0.1:{server.port}", FORWARDED[nginx]), additions)
        config = changed(config, {"/etc/nginx/cloudflare": f"{tmp_path}/networks"})
        with proxying(nginx, tmp_path / "proxy", config) as proxy:

            def status(address: str, client: str) -> int:
                headers = {"CF-Connecting-IP": client, "X-Forwarded-For": "203.0.113.9"}
                return proxy.request("POST", "/v1/events", EMPTY, headers, address).status

            for client, other in (("198.51.100.1", "198.51.100.2"), ("2001:db8:0:1::1", "2001:db8:0:2::1")):
                assert status("127.0.0.9", client) == 200
                assert status("127.0.0.9", client) == 429
                assert status("127.0.0.9", other) == 200
            with pytest.raises(RemoteDisconnected):
                status("127.0.0.10", "198.51.100.3")
        assert server.stop() == 0
    assert_nothing_is_kept_of(server, "198.51.100.", "2001:db8:0:", "127.0.0.9", "127.0.0.10")
    for path in (tmp_path / "proxy").glob("*log"):
        assert b"198.51.100." not in path.read_bytes()
