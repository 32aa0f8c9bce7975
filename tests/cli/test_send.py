"""``telemetry send`` sends a file in batches, and prints one receipt for all of it."""

import json
from pathlib import Path
from typing import Any

from tests.support import oracle
from tests.support.commands import run
from tests.support.events import installation_id, make_event
from tests.support.refusing import refusing
from tests.support.server import serving


def lines(*events: Any) -> str:
    return "".join(f"{event if isinstance(event, str) else json.dumps(event)}\n" for event in events)


def test_a_file_is_sent_in_batches_and_has_one_receipt(data_dir: Path, tmp_path: Path) -> None:
    events = [make_event(installationId=installation_id(number)) for number in range(250)]
    spoiled = [*events[:120], "{not json", "", make_event(workerCount=-1), *events[120:]]
    good, bad, native = (tmp_path / name for name in ("good.jsonl", "bad.jsonl", "native.jsonl"))
    good.write_text(lines(*events))
    bad.write_text(lines(*spoiled))
    native.write_text('{"anonymous_id":"unknown","event_type":"ci_detected","drift_version":"2.0.0","timestamp":1}\n')
    with serving(data_dir) as server:
        shown = run("send", good, "--url", server.url, "--show")
        sent = run("send", good, "--url", server.url)
        again = run("send", bad, "--url", server.url)
        v2 = run("send", native, "--url", f"{server.url}/", "--v2")
        server.stop()
        gone = run("send", good, "--url", server.url)

    assert [len(json.loads(body)["events"]) for body in shown.stdout.splitlines()] == [100, 100, 50]
    assert (sent.returncode, sent.stdout) == (0, '{"success":true,"eventsProcessed":250}\n')
    receipt = json.loads(again.stdout)
    assert (again.returncode, receipt["eventsProcessed"]) == (1, 250)
    assert [(one["index"], one["line"], one["code"]) for one in receipt["rejected"]] == [
        (120, 121, "not_an_object"), (121, 123, "field_invalid"),
    ]  # fmt: skip
    assert again.stderr == "2 events of 252 rejected\n"
    assert json.loads(v2.stdout)["rejected"][0]["code"] == "timestamp_expired"
    assert gone.returncode == 69
    assert gone.stderr.endswith("see that a service listens there, then send the file again\n")
    assert len(oracle.raw_events(data_dir)) == 250


def test_a_file_that_could_not_be_sent_to_its_end_is_to_be_sent_again_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(lines(*(make_event() for _ in range(150))))
    with refusing(200, 503) as (url, bodies):
        ended = run("send", file, "--url", url)

    assert (ended.returncode, len(bodies)) == (69, 6)
    advice = "wait some minutes, then send the file again; the 100 events before line 101 are not stored twice"
    assert ended.stderr.endswith(f"answers with 503: Too busy (5 tries): {advice}\n")
