"""Real reverse proxies in front of the real service: the examples in ``systemd/``, changed as a test wants."""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import Answer

EXAMPLES = Path(__file__).parents[2] / "systemd"
HOST = "telemetry.example.org"
# Any address of 127/8 is this host; this one is nobody else's, so it can be looked for in files.
CLIENT = "127.0.0.9"

_CERTIFICATE, _KEY = "certificate.pem", "key.pem"
_NGINX = """
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
Command = Callable[[Path, str, int], list[str]]


def nginx(folder: Path, config: str, port: int) -> list[str]:
    """Have the certificates, ports and files of a configuration be this test's; return the command that runs it."""
    config = re.sub(r"\n    listen 80;", f"\n    listen 127.0.0.1:{free_port()};", config)
    config = re.sub(r"\n    listen 443 ", f"\n    listen 127.0.0.1:{port} ", config)
    config = re.sub(r"/etc/letsencrypt/live/\S+/fullchain.pem", f"{folder}/{_CERTIFICATE}", config)
    config = re.sub(r"/etc/letsencrypt/live/\S+/privkey.pem", f"{folder}/{_KEY}", config)
    config = config.replace("/var/log/nginx/error.log", f"{folder}/error.log")
    (folder / "example.conf").write_text(config)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    return ["nginx", "-p", str(folder), "-e", str(folder / "start.log"), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, config: str, port: int) -> list[str]:
    """Have the certificates, ports and files of a configuration be this test's; return the command that runs it."""
    globally = "\n\tadmin off\n\tauto_https off\n"
    config = config if re.search(r"^\{\n", config, re.MULTILINE) else "{\n}\n" + config
    config = re.sub(r"^\{\n", f"{{{globally}", config, count=1, flags=re.MULTILINE)
    own = f" {{\n\tbind 127.0.0.1\n\ttls {folder}/{_CERTIFICATE} {folder}/{_KEY}"
    config = re.sub(r"^([a-z.]+) \{", rf"https://\1:{port}{own}", config, flags=re.MULTILINE)
    if caddy_version() >= [2, 6, 3]:
        config = config.replace("buffer_requests\n\t\tmax_buffer_size 4MiB", "request_buffers 4MiB")
    (folder / "Caddyfile").write_text(config)
    home = f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}"
    return ["env", *home, "caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def caddy_version() -> list[int]:
    """Return the version of the installed Caddy. That of Debian and Ubuntu, 2.6.2, buffers as the example says."""
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


_NAMES: dict[Command, str] = {nginx: "nginx.conf.example", caddy: "Caddyfile.example"}


def example(command: Command, upstream: str, changes: Mapping[str, str] | None = None) -> str:
    """Return the example for a proxy in front of a service, changed as a reader would change it."""
    return changed((EXAMPLES / _NAMES[command]).read_text(), {"127.0.0.1:8787": upstream} | dict(changes or {}))


def changed(config: str, changes: Mapping[str, str]) -> str:
    """Return a configuration with texts replaced, each of which must be there."""
    for text, own in changes.items():
        assert text in config, text
        config = config.replace(text, own)
    return config


def needing(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs the Debian package {program}")


PROXIES = [pytest.param(command, marks=needing(command.__name__), id=command.__name__) for command in (nginx, caddy)]


class Proxy:
    """A running proxy that serves ``host``."""

    def __init__(self, host: str, port: int, certificate: Path) -> None:
        self.host = host
        self.port = port
        self.certificate = certificate
        self._trusted = ssl.create_default_context(cafile=certificate)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        address: str = CLIENT,
    ) -> Answer:
        connection = http.client.HTTPSConnection(self.host, self.port, context=self._trusted, timeout=30)
        connection.sock = self.connection(address)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def connection(self, address: str = CLIENT) -> ssl.SSLSocket:
        """Connect to the proxy from an address."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(address, 0))
        return self._trusted.wrap_socket(plain, server_hostname=self.host)


@contextmanager
def proxying(command: Command, folder: Path, config: str, host: str = HOST) -> Iterator[Proxy]:
    """Run a proxy with a certificate of its own until the end of the block."""
    folder.mkdir()
    port = free_port()
    certify = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {_KEY} -out {_CERTIFICATE} -subj /CN={host}"
    subprocess.run(
        [*certify.split(), "-addext", f"subjectAltName=DNS:{host}"], cwd=folder, check=True, capture_output=True
    )
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command(folder, config, port), stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 20
            while not _listens(port):
                assert process.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield Proxy(host, port, folder / _CERTIFICATE)
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
