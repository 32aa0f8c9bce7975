import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from telemetry.cli.output.charts import Chart, chart_lines
from tests.support.cli import fill
from tests.support.commands import run
from tests.support.events import Fields, Traffic, encode
from tests.support.http import eventually
from tests.support.server import serving


def without_times(document: Fields) -> Fields:
    return {name: value for name, value in document.items() if name not in {"asOf", "generatedAt"}}


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Answer every request with the same, as a stranger's server might."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_files_and_the_service_say_the_same(data_dir: Path) -> None:
    traffic = Traffic()
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        for _ in range(20):
            server.post(encode(traffic.batch(10)))
        eventually(lambda: server.request("GET", "/v1/stats").json["totalEvents"] == 200)
        published = server.request("GET", "/v1/stats").json
        from_files = json.loads(run("stats", "--json", "--data-dir", data_dir).stdout)
        from_url = json.loads(run("stats", "--json", "--url", f"{server.url}/").stdout)
        first, second = (run("stats", *source).stdout for source in (("--data-dir", data_dir), ("--url", server.url)))

    assert list(from_url) == list(published)
    assert without_times(from_url) == without_times(published)
    assert list(from_files) == list(published)
    assert without_times(from_files) == without_times(published)
    age = datetime.fromisoformat(from_files["asOf"]) - datetime.fromisoformat(published["asOf"])
    assert abs(age) < timedelta(seconds=5)
    assert first.splitlines()[1:] == second.splitlines()[1:]


async def test_the_numbers_are_grouped_into_bars(data_dir: Path) -> None:
    today = datetime.now(UTC).date()
    accepted = await fill(data_dir, (str(today - timedelta(days=1)), str(today)))
    installations = {event["installationId"] for event in accepted} - {"unknown"}

    printed = run("stats", "--data-dir", data_dir, COLUMNS="72").stdout

    assert printed.startswith(f"{len(accepted)} events in the last 30 days, as of {datetime.now(UTC).year}-")
    titles = [line.split(" (")[0] for line in printed.splitlines()[1:] if line and not line.startswith(" ")]
    assert titles == ["Events", "Categories", "Languages", "Versions", "Installations"]
    for version in ("0.9.1", "0.9.2"):
        count = sum(event["driftVersion"] == version for event in accepted)
        assert f"  {version}  {count}  █" in printed
    assert f"active within 30 d  {len(installations)}  █" in printed
    assert all(len(line) <= 72 for line in printed.splitlines())
    assert "█" * 20 in printed


def test_bars_are_right_to_an_eighth_of_a_character() -> None:
    values = {"most": 160, "half": 80, "some": 11, "least": 1, "none": 0}

    lines = [click.unstyle(line).split() for line in chart_lines(Chart("Values", values), width=30)][1:]

    assert [line[2:] for line in lines] == [["█" * 16], ["█" * 8], ["█▏"], ["▏"], []]


def test_what_does_not_fit_is_summed_up_and_what_is_too_long_is_cut() -> None:
    values = {"name" * 20: 100} | {f"label-{number}": 1 for number in range(15)}

    lines = list(chart_lines(Chart("Values", values), width=10))

    assert len(lines) == 14
    assert "and 4 more, together 4" in lines[-1]
    assert lines[1].split()[0] == f"{('name' * 20)[:31]}…"


def test_what_a_strangers_server_says_cannot_act_upon_the_terminal() -> None:
    document = {
        "period": "last_30_days", "totalEvents": 3, "generatedAt": "now",
        "metrics": {"events:\x1b[2J": 2, "new_kind:label": 1, "single": 1},
    }  # fmt: skip
    with answering(200, json.dumps(document).encode()) as url:
        printed = run("stats", "--url", url)

    assert printed.returncode == 0
    assert "\x1b" not in printed.stdout
    assert "\nnew_kind\n  label  1  █" in printed.stdout


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b'{"metrics": 7}'), (404, b"{}"), (200, b"[]")], ids=str
)
def test_an_address_without_a_service_is_a_clear_error(status: int, body: bytes) -> None:
    with answering(status, body) as url:
        failed = run("stats", "--url", url)

    assert failed.returncode == 69
    assert failed.stderr.startswith(f"telemetry: no statistics from {url} (")
    assert failed.stderr.count("\n") == 1


def test_nobody_listening_is_a_clear_error_and_other_schemes_are_refused() -> None:
    with answering(200, b"") as url:
        pass

    assert run("stats", "--url", url).returncode == 69
    refused = run("stats", "--url", "file:///etc/passwd")
    assert refused.returncode == 2
    assert "is not an address such as http://127.0.0.1:8787" in refused.stderr
