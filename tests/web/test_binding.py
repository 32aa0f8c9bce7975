"""Listening on several addresses, both IP versions and Unix sockets."""

import http.client
import socket
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from telemetry.networks.hosts import read_hosts
from telemetry.operator_errors import UnavailableError
from telemetry.web.binding import bound_to, remove_paths
from tests.support.commands import run, succeed
from tests.support.events import encode
from tests.support.http import fresh_events, new_installation, stored
from tests.support.server import serving


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))


def post(connection: http.client.HTTPConnection, body: bytes, **headers: str) -> tuple[int, bytes]:
    with closing(connection):
        connection.request("POST", "/v1/events", body, headers)
        with connection.getresponse() as response:
            return response.status, response.read()


def test_an_address_can_be_checked_without_serving(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        for host in ("127.0.0.1", f"unix:{path}, 127.0.0.1"):
            refused = run("serve", "--check", "--host", host, "--port", port, "--data-dir", data_dir)
            assert (refused.returncode, "Address already in use" in refused.stderr) == (69, True)
    assert "is free" in succeed("serve", "--check", "--host", host, "--port", port, "--data-dir", data_dir)
    assert run("serve", "--check", "--port", "many").returncode == 78
    assert not path.exists()
    assert not data_dir.exists() or not list(data_dir.iterdir())


def test_a_service_is_reached_at_all_its_addresses(data_dir: Path, tmp_path: Path) -> None:
    path, installation = tmp_path / "http.sock", new_installation()
    with serving(data_dir, "--host", f"127.0.0.1, ::1, unix:{path}") as server:
        urls = next(line for line in server.output if "::1" in line).replace(",", " ").split()
        ports = {urlsplit(url).port for url in urls if url.startswith("http://")}
        assert ports == {server.port}
        assert f"unix:{path}" in urls
        connections = [
            http.client.HTTPConnection("127.0.0.1", server.port),
            http.client.HTTPConnection("::1", server.port),
            _UnixConnection(path),
        ]
        for connection in connections:
            assert post(connection, encode(fresh_events(1, installation)))[0] == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        assert len(stored(server, installation)) == 3
        server.kill()
        # What a crash has left is in nobody's way.
        with serving(data_dir, "--host", f"unix:{path}, *", "--port", str(server.port)) as again:
            assert post(_UnixConnection(path), b'{"events":[]}')[0] == 200
            for host in ("127.0.0.1", "::1"):
                assert post(http.client.HTTPConnection(host, server.port), b'{"events":[]}')[0] == 200
            assert again.stop() == 0
    assert not path.exists()


def test_who_connects_to_a_unix_socket_speaks_for_its_clients(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    flags = ("--rate-limit-requests-per-minute", "1", "--rate-limit-burst", "1")
    with serving(data_dir, "--host", f"127.0.0.1,unix:{path}", *flags):
        statuses = [
            post(_UnixConnection(path), b'{"events":[]}', **{"X-Forwarded-For": client})[0]
            for client in ("203.0.113.1", "203.0.113.2", "203.0.113.1")
        ]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        ("", "names no address"),
        (" , ", "names no address"),
        ("unix:", "is not an absolute path"),
        ("unix:http.sock", "is not an absolute path"),
        ("*, ::1", "includes all other addresses"),
    ],
)
def test_a_list_of_hosts_that_makes_no_sense_is_refused(hosts: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_hosts(hosts)


def test_hosts_are_read_once_each() -> None:
    assert read_hosts(" 127.0.0.1,::1 ,, 127.0.0.1,unix:/a b") == ["127.0.0.1", "::1", "unix:/a b"]


@pytest.mark.parametrize(
    ("hosts", "advice"),
    [
        ("127.0.0.1, 192.0.2.1", r"192\.0\.2\.1:\d+ \(Cannot assign.*\): choose another --host"),
        (
            "127.0.0.1, unix:/nonexistent/http.sock",
            r"unix:/nonexistent/http\.sock \(No such .*\): choose",
        ),
        ("unix:/" + "a" * 200, r"\(AF_UNIX path too long\): choose another --host"),
    ],
)
async def test_an_address_that_cannot_be_had_is_named_with_what_to_do(hosts: str, advice: str) -> None:
    with pytest.raises(UnavailableError, match=advice):
        await bound_to(hosts, 0)


async def test_a_port_and_a_path_that_others_have_are_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    taken = await bound_to(f"127.0.0.1, unix:{path}", 0)
    try:
        for each in taken:
            each.listen()
        port = taken[0].getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{port} \(.*in use.*\): choose another --port"):
            await bound_to("127.0.0.1", port)
        with pytest.raises(UnavailableError, match="choose another --host"):
            await bound_to(f"unix:{path}", 0)
        with pytest.raises(UnavailableError):
            await bound_to(f"unix:{tmp_path}/second.sock, 127.0.0.1", port)
        assert not (tmp_path / "second.sock").exists()
    finally:
        remove_paths(taken)
        for each in taken:
            each.close()
    assert not path.exists()
