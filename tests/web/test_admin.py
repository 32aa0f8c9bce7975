"""Case 39 of the fault list: who may read the metrics, and where they are served."""

import http.client
import os
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.admin_socket import SOCKET_NAME, AdminConnection
from telemetry.loading import load
from telemetry.operator_errors import SettingsError
from telemetry.settings import Settings
from tests.support.admin import ask, scrape
from tests.support.commands import run
from tests.support.events import Traffic, encode
from tests.support.server import ServerProcess, serving

TOKEN = "s3cret-töken"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def connect(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


NOT_THE_TOKEN: dict[str, bytes | None] = {
    "none": None,
    "nothing in it": b"",
    "no scheme": TOKEN.encode(),
    "no token": b"Bearer",
    "an empty token": b"Bearer ",
    "another scheme": b"Basic " + TOKEN.encode(),
    "another token": b"Bearer s3cret",
    "the beginning of the token": b"Bearer s3",
    "the token and more": b"Bearer " + TOKEN.encode() + b"x",
    "the token twice": b"Bearer " + TOKEN.encode() * 2,
    "the token in another encoding": b"Bearer " + TOKEN.encode("latin-1"),
    "no ASCII": "Bearer ключ".encode(),
    "no UTF-8": b"Bearer \xff\xfe\x80",
    "a very long one": b"Bearer " + b"x" * 4_000,
}


@pytest.mark.case(39)
def test_the_port_tells_nothing_to_those_without_the_token(data_dir: Path) -> None:
    port = free_port()
    with serving(
        data_dir,
        "--admin-port",
        str(port),
        environment={"TELEMETRY_ADMIN_TOKEN": TOKEN, "TELEMETRY_LOG_FORMAT": "json"},
    ) as server:
        for name, sent in NOT_THE_TOKEN.items():
            for path in ("/metrics", "/nothing"):
                headers = {} if sent is None else {"Authorization": sent}
                refused = ask(connect(port), path=path, headers=headers)
                assert (refused.status, refused.json["code"]) == (401, "unauthorized"), name
                assert refused.headers["WWW-Authenticate"] == "Bearer"
        for scheme in (b"Bearer ", b"bearer  "):
            told = ask(connect(port), headers={"Authorization": scheme + TOKEN.encode()})
            assert (told.status, told.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert b"drift_telemetry_healthy 1.0" in told.body
        assert (
            ask(connect(port), path="/v1/stats", headers={"Authorization": b"Bearer " + TOKEN.encode()}).status == 404
        )
        refusals = scrape(data_dir).of("requests_refused_total")["unauthorized"]
        assert server.stop() == 0

    assert refusals == 2 * len(NOT_THE_TOKEN)
    assert not any(TOKEN in line or "Traceback" in line for line in server.output)


def test_the_socket_asks_its_owner_for_no_token_and_web_pages_get_nothing(data_dir: Path) -> None:
    port = free_port()
    with serving(data_dir, "--admin-port", str(port), environment={"TELEMETRY_ADMIN_TOKEN": TOKEN}) as server:
        status = (data_dir / SOCKET_NAME).stat()
        answers = [
            ask(AdminConnection(data_dir, timeout_s=10), method, path)
            for method, path in (("GET", "/metrics"), ("HEAD", "/metrics"), ("POST", "/metrics"), ("GET", "/v1/health"))
        ]
        public = server.request("GET", "/metrics")
        server.stop()

    assert (status.st_mode & 0o777, status.st_uid) == (0o600, os.geteuid())
    assert [answer.status for answer in answers] == [200, 200, 405, 404]
    assert answers[2].headers["Allow"] == "GET,HEAD"
    for answer in answers:
        assert not any(name.startswith("Access-Control") for name in answer.headers)
    assert public.status == 404


def test_curl_reads_the_metrics_as_the_readme_says(data_dir: Path) -> None:
    with serving(data_dir) as server:
        command = ["curl", "-s", "--unix-socket", str(data_dir / SOCKET_NAME), "http://localhost/metrics"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        server.stop()

    assert "drift_telemetry_build_info" in printed


def test_a_deep_data_directory_has_its_socket_too_and_what_a_crash_left_is_replaced(tmp_path: Path) -> None:
    data_dir = tmp_path.joinpath(*["a" * 60] * 3, "data")
    assert len(str(data_dir)) > 107
    with serving(data_dir) as server:
        server.kill()
    assert (data_dir / SOCKET_NAME).is_socket()
    with pytest.raises(ConnectionRefusedError):
        scrape(data_dir)

    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(1)))
        assert scrape(data_dir).events()["accepted"] == 1
        assert server.stop() == 0
    assert not (data_dir / SOCKET_NAME).exists()
    with pytest.raises(FileNotFoundError):
        scrape(data_dir)


def test_a_socket_or_a_port_that_cannot_be_had_is_a_clear_error(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / SOCKET_NAME).write_text("not a socket")
    failed = ServerProcess(data_dir)
    assert failed.wait() == 69
    assert f"cannot listen on {data_dir / SOCKET_NAME}" in failed.output[-1]
    assert (data_dir / SOCKET_NAME).read_text() == "not a socket"

    (data_dir / SOCKET_NAME).unlink()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        failed = ServerProcess(data_dir, "--admin-port", str(taken.getsockname()[1]))
        assert failed.wait() == 69
    assert "choose another --admin-port" in failed.output[-1]
    assert not (data_dir / SOCKET_NAME).exists()


def test_a_port_open_to_other_hosts_needs_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "metrics.example"):
        with pytest.raises(SettingsError, match="setting admin_token: it is needed"):
            load({"admin_host": host, "admin_port": "8788"}, {})
        assert load({"admin_host": host, "admin_port": "8788"}, {"TELEMETRY_ADMIN_TOKEN": "a"}).admin_host == host
        assert load({"admin_host": host}, {}).admin_port == 0
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        assert load({"admin_host": host, "admin_port": "8788"}, {}).admin_token == ""


def test_the_token_comes_from_a_credential_and_is_never_shown(tmp_path: Path) -> None:
    credential = tmp_path / "admin_token"
    credential.write_text(f"{TOKEN}\n")
    variables = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert load({}, variables).admin_token == TOKEN
    assert load({}, variables | {"TELEMETRY_ADMIN_TOKEN": "stronger"}).admin_token == "stronger"
    assert load({}, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}).admin_token == ""

    printed = run("config", **variables)
    assert TOKEN not in printed.stdout
    assert "# admin_token = ***\n" in printed.stdout
    saved = tmp_path / "settings.toml"
    saved.write_text(printed.stdout)
    assert load({}, {}, saved) == Settings()
    assert "--admin-token" not in run("serve", "--help").stdout


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_credential_that_holds_no_token_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "admin_token").write_bytes(content)

    with pytest.raises(SettingsError, match=f"the credential {tmp_path}/admin_token"):
        load({}, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_request_to_the_socket_whose_body_comes_after_its_head_is_answered(data_dir: Path) -> None:
    body = b'{"installation": "7b5c9a30-5d3a-4f0e-9a84-2f6f6b3c1a11", "kind": "forget", "dry_run": true}'
    with serving(data_dir), closing(AdminConnection(data_dir, timeout_s=10)) as connection:
        connection.putrequest("POST", "/erasures")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        time.sleep(0.1)
        connection.send(body)

        assert connection.getresponse().status == 200
