"""The reference clients of docs/clients, in Python and in JavaScript, against a real service."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support import oracle
from tests.support.server import serving

CLIENTS = Path(__file__).parents[2] / "docs" / "clients"
FIELDS = {"durationMs": 1234, "filesScanned": 10, "newPatternsDiscovered": 1, "isIncremental": False, "workerCount": 4}
# Records events, number by number, and sends them; prints what waits then.
PYTHON = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from telemetry_client import Telemetry
import json
client = Telemetry(sys.argv[2], Path(sys.argv[3]), "0.11.1")
for number in range(int(sys.argv[4])):
    client.record("scan_completion", **json.loads(sys.argv[5]) | {"filesScanned": number})
client.send()
print(len(client.waiting()))
"""
NODE = """
const [folder, url, home, events, fields] = process.argv.slice(1);
const { Telemetry } = await import(`${folder}/telemetry-client.mjs`);
const client = new Telemetry(url, home, "0.11.1");
for (let number = 0; number < Number(events); number++)
  client.record("scan_completion", { ...JSON.parse(fields), filesScanned: number });
await client.send();
console.log(client.waiting().length);
"""
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs the Debian package nodejs")
each_client = pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-c", PYTHON], id="python"),
        pytest.param(["node", "--input-type=module", "-e", NODE], id="node", marks=needs_node),
    ],
)
_TELLING = ("DO_NOT_TRACK", "CI", "TF_BUILD", "JENKINS_URL")


def run(command: list[str], url: str, home: Path, events: int, **variables: str) -> int:
    """Record events and send them; return how many wait then."""
    environment = {name: value for name, value in os.environ.items() if name not in _TELLING} | variables
    arguments = [str(CLIENTS), url, str(home), str(events), json.dumps(FIELDS)]
    ended = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


@each_client
def test_what_is_queued_is_sent_in_batches_and_gives_way(command: list[str], data_dir: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(command, "http://127.0.0.1:9", home, 230) == 230
    # A limit below its batches, and a rate that the third request is above: it splits, and waits.
    limits = ("--batch-events-max", "60", "--rate-limit-requests-per-minute", "600", "--rate-limit-burst", "6")
    with serving(data_dir, *limits) as server:
        assert run(command, server.url, home, 20, CI="true") == 0
        assert run(command, server.url, home, 5, DO_NOT_TRACK="1") == 0
        server.stop()

    events = oracle.raw_events(data_dir)
    assert len(events) == 250
    assert Counter(event.payload["context"] for event in events) == {"human": 230, "ci": 20}
    (installation,) = {event.installation_id for event in events}
    assert installation == (home / "id").read_text()
    assert sorted(path.name for path in home.iterdir()) == ["id"] or (home / "queue").read_text() == ""


def test_the_example_of_the_manual_works_as_pasted(data_dir: Path, tmp_path: Path) -> None:
    example = (CLIENTS.parent / "client-kit.md").read_text().partition("```python\n")[2].partition("```")[0]
    environment = {name: value for name, value in os.environ.items() if name not in _TELLING}
    with serving(data_dir) as server:
        pasted = example.replace("https://telemetry.example.org", server.url)
        variables = environment | {"HOME": str(tmp_path), "PYTHONPATH": str(CLIENTS)}
        subprocess.run([sys.executable, "-c", pasted], check=True, env=variables, timeout=60)
        server.stop()

    assert [event.type for event in oracle.raw_events(data_dir)] == ["scan_completion"]


@each_client
def test_with_do_not_track_nothing_is_kept(command: list[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "queue").write_text('{"type": "scan_completion"}\n')

    assert run(command, "http://127.0.0.1:9", home, 5, DO_NOT_TRACK="1") == 0
    assert list(home.iterdir()) == []


@each_client
def test_an_answer_that_is_no_receipt_loses_nothing(command: list[str], data_dir: Path, tmp_path: Path) -> None:
    with serving(data_dir) as server:
        waiting = run(command, f"{server.url}/elsewhere", tmp_path / "home", 3)
        server.stop()

    assert waiting == 3
