"""Moving an old host name: what the page about it says of clients, and its redirects, with the clients' own library."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from telemetry.loading import load
from tests.support.cut_over import CADDY_REDIRECT, CHECK, NEW, NGINX_REDIRECT, OLD, PAGE, WORKER, answering, blocks
from tests.support.events import encode
from tests.support.http import fresh_events, new_installation, stored
from tests.support.proxies import PROXIES, Command, caddy, changed, nginx, proxying
from tests.support.server import serving

REDIRECTS: dict[Command, str] = {nginx: NGINX_REDIRECT, caddy: CADDY_REDIRECT}
RECEIPT = '{"success":true,"eventsProcessed":0}'
# Sends as the client does, and prints what it takes for the answer.
SEND = """
import { readFileSync } from "node:fs";
const [url, body] = [process.argv[1], readFileSync(0, "utf8")];
const answer = await fetch(url, {
    method: "POST", headers: {"Content-Type": "application/json"}, body, signal: AbortSignal.timeout(30_000)
});
console.log(answer.status, await answer.text());
"""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs the Debian package nodejs")


def test_every_block_of_the_page_is_in_a_language_that_is_tried() -> None:
    assert set(re.findall(r"^```(.+)$", PAGE, re.MULTILINE)) == {"nginx", "caddyfile", "js", "sh", "ini"}


def send(url: str, body: bytes, certificate: Path | None = None) -> tuple[int, str]:
    """Send a batch with the client's own HTTP library; return the status and the body of what it got at last."""
    trusted = {} if certificate is None else {"NODE_EXTRA_CA_CERTS": str(certificate)}
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", SEND, url],
        input=body, env=os.environ | trusted, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    status, _, text = done.stdout.decode().strip().partition(" ")
    return int(status), text


def run(command: str, **variables: str) -> str:
    """Return what a command of the page prints."""
    environment = os.environ | variables
    return subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True).stdout


@needs_node
def test_307_and_308_keep_a_client_and_301_302_and_303_lose_it(data_dir: Path) -> None:
    with serving(data_dir) as server:
        moved = {f"/{status}": (status, f"{server.url}/v1/events", b"") for status in (301, 302, 303, 307, 308)}
        with answering(moved) as old:
            for path, (status, _, _) in moved.items():
                installation = new_installation()
                answered, text = send(old + path, encode(fresh_events(3, installation)))

                kept = status in {307, 308}
                assert answered == (200 if kept else 405)
                assert text == '{"success":true,"eventsProcessed":3}' if kept else "method_not_allowed" in text
                assert len(stored(server, installation)) == (3 if kept else 0)
        assert server.stop() == 0


@needs_node
@pytest.mark.parametrize("command", PROXIES)
def test_the_redirect_of_the_page_keeps_a_client(command: Command, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        config = changed(REDIRECTS[command], {OLD: "localhost", f"https://{NEW}": server.url})
        with proxying(command, tmp_path / "proxy", config, host="localhost") as old:
            installation, url = new_installation(), f"https://localhost:{old.port}/v1/events"
            # Larger than what nginx takes by itself.
            body = encode(fresh_events(100, installation)).ljust(3_000_000)
            assert send(url, body, old.certificate) == (200, '{"success":true,"eventsProcessed":100}')
            assert len(stored(server, installation)) == 100
            assert (
                run(changed(CHECK, {f"https://{OLD}/v1/events": url}), CURL_CA_BUNDLE=str(old.certificate)) == RECEIPT
            )
        assert server.stop() == 0


def test_the_check_of_the_page_tells_what_is_wrong_with_a_redirect(data_dir: Path) -> None:
    with serving(data_dir) as server:
        wrong = {
            "method_not_allowed": (301, f"{server.url}/v1/events", b""),
            "not_found": (308, f"{server.url}/v1", b""),
        }
        for code, answer in wrong.items():
            with answering({"/v1/events": answer}) as old:
                assert json.loads(run(changed(CHECK, {f"https://{OLD}": old})))["code"] == code
            assert f"`{code}` means" in PAGE
        assert server.stop() == 0
    assert f"`{RECEIPT}`" in PAGE


@needs_node
def test_the_worker_of_the_page_redirects_to_the_same_path(tmp_path: Path) -> None:
    (tmp_path / "worker.mjs").write_text(WORKER)
    asking = f"""
        const {{ default: worker }} = await import("{tmp_path}/worker.mjs");
        const request = new Request("https://{OLD}/v1/events?a=%20b", {{ method: "POST", body: "{{}}" }});
        const answer = await worker.fetch(request);
        console.log(answer.status, answer.headers.get("Location"));
    """
    done = subprocess.run(["node", "--input-type=module", "--eval", asking], capture_output=True, text=True, check=True)
    assert done.stdout == f"308 https://{NEW}/v1/events?a=%20b\n"


def test_the_settings_of_the_page_are_settings() -> None:
    headers = [load({}, dict(re.findall(r'^(\w+)="(.*)"$', block, re.MULTILINE))) for block in blocks("ini")]
    assert [settings.client_address_header for settings in headers] == ["X-Forwarded-For", "CF-Connecting-IP"]
    assert {settings.trusted_proxies for settings in headers} == {"127.0.0.1/32, ::1/128"}
