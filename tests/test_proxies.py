"""The reverse-proxy examples in ``systemd/``, in front of the real service."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.events import Traffic, encode
from tests.support.http import parse, post_head
from tests.support.server import Answer, serving
from tests.test_systemd import RECEIPT, free_port

EXAMPLES = Path(__file__).parents[1] / "systemd"
HOST = "telemetry.example.org"
# Any address of 127/8 is this host; this one is nobody else's, so it can be looked for in files.
CLIENT = "127.0.0.9"

CERTIFICATE, KEY = "certificate.pem", "key.pem"

NGINX = """
daemon off;
user root;
pid {folder}/pid;
error_log {folder}/start.log emerg;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/example.conf;
}}
"""


def nginx(folder: Path, port: int, upstream: str) -> list[str]:
    """Write the example with this machine's names in it; return the command that runs it."""
    example = (EXAMPLES / "nginx.conf.example").read_text()
    for name, own in {
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "127.0.0.1:8787": upstream,
        f"/etc/letsencrypt/live/{HOST}/fullchain.pem": f"{folder}/{CERTIFICATE}",
        f"/etc/letsencrypt/live/{HOST}/privkey.pem": f"{folder}/{KEY}",
        "/var/log/nginx/error.log": f"{folder}/error.log",
    }.items():
        assert name in example
        example = example.replace(name, own)
    (folder / "example.conf").write_text(example)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    return ["nginx", "-p", str(folder), "-e", str(folder / "start.log"), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, upstream: str) -> list[str]:
    """Write the example with this machine's names in it; return the command that runs it."""
    example = (EXAMPLES / "Caddyfile.example").read_text()
    for name, own in {
        "{\n\tservers": "{\n\tadmin off\n\tauto_https off\n\tservers",
        f"\n{HOST} {{": f"\nhttps://{HOST}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/{CERTIFICATE} {folder}/{KEY}",
        "127.0.0.1:8787": upstream,
        "request_buffers 4MiB": "\n\t\t".join(buffering()),
    }.items():
        assert name in example
        example = example.replace(name, own)
    (folder / "Caddyfile").write_text(example)
    home = f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"
    return ["env", *home, "caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def buffering() -> list[str]:
    """Return how the installed Caddy is told to buffer requests; Debian 12 has one that was told otherwise."""
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return ["request_buffers 4MiB"] if numbers >= [2, 6, 3] else ["buffer_requests", "max_buffer_size 4MiB"]


def needing(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs the Debian package {program}")


PROXIES = [pytest.param(command, marks=needing(command.__name__), id=command.__name__) for command in (nginx, caddy)]


class Proxy:
    """A running proxy, spoken to by a client that has the address ``CLIENT``."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._port = port
        self._trusted = ssl.create_default_context(cafile=certificate)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPSConnection(HOST, self._port, context=self._trusted, timeout=30)
        connection.sock = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def connection(self) -> ssl.SSLSocket:
        """Connect to the proxy."""
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=30, source_address=(CLIENT, 0))
        return self._trusted.wrap_socket(plain, server_hostname=HOST)


@contextmanager
def proxying(command: object, folder: Path, upstream: str) -> Iterator[Proxy]:
    """Run a proxy with a certificate of its own until the end of the block."""
    folder.mkdir()
    port = free_port()
    certify = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {KEY} -out {CERTIFICATE} -subj /CN={HOST}"
    subprocess.run(
        [*certify.split(), "-addext", f"subjectAltName=DNS:{HOST}"], cwd=folder, check=True, capture_output=True
    )
    assert callable(command)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command(folder, port, upstream), stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 20
            while not listens(port):
                assert process.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield Proxy(port, folder / CERTIFICATE)
        finally:
            process.terminate()
            process.wait(20)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("command", PROXIES)
def test_an_event_gets_its_exact_receipt_through_the_proxy_and_no_file_its_address(
    command: object, tmp_path: Path
) -> None:
    with (
        serving(tmp_path / "data") as server,
        proxying(command, tmp_path / "proxy", f"127.0.0.1:{server.port}") as proxy,
    ):
        stored = proxy.request("POST", "/v1/events", encode(Traffic().batch(1)))
        assert (stored.status, stored.body) == (200, RECEIPT)
        assert stored.headers["Access-Control-Allow-Origin"] == "*"
        assert proxy.request("GET", "/v1/stats").json["period"] == "last_30_days"
        large = proxy.request("POST", "/v1/events", b"x" * 5_000_000)
        # The service closes at once, in the middle of the body: Caddy may see that before the answer.
        assert large.status in {413, 502}
        assert server.stop() == 0
        assert proxy.request("GET", "/v1/health").status == 502

    for path in (tmp_path / "proxy").rglob("*"):
        assert not path.is_file() or CLIENT.encode() not in path.read_bytes(), path
    assert not any(CLIENT in line for line in server.output)


@pytest.mark.parametrize("command", PROXIES)
def test_a_body_that_does_not_arrive_waits_in_the_proxy(command: object, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "data", "--reading-bytes-max", "4194304") as server,
        proxying(command, tmp_path / "proxy", f"127.0.0.1:{server.port}") as proxy,
        proxy.connection() as slow,
    ):
        head = post_head(4_194_304).replace(b"Host: test", f"Host: {HOST}".encode())
        slow.sendall(head + b" " * 500_000)
        time.sleep(0.5)
        # The service has room for one such body: there is some only as long as it has not heard of the other.
        whole = encode(Traffic().batch(1)).ljust(4_194_304)
        stored = proxy.request("POST", "/v1/events", whole)
        assert (stored.status, stored.body) == (200, RECEIPT)
        assert server.stop() == 0


@pytest.mark.parametrize("command", PROXIES)
def test_the_forwarded_address_is_the_peers_whatever_the_client_claims(command: object, tmp_path: Path) -> None:
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as upstream:

        def answer() -> None:
            connection, _ = upstream.accept()
            with connection:
                heads.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with proxying(command, tmp_path / "proxy", f"127.0.0.1:{upstream.getsockname()[1]}") as proxy:
            forged = {"X-Forwarded-For": "203.0.113.7"}
            assert proxy.request("GET", "/v1/health", headers=forged).status == 200
        answering.join(10)

    headers = {name.lower(): value for name, value in parse(heads[0].replace(b"GET ", b"GET 0 ", 1)).headers.items()}
    assert headers["x-forwarded-for"] == CLIENT
    assert headers["host"].startswith(HOST)
