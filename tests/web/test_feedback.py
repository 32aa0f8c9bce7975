"""Reports of benchmarks over HTTP: receipts, refusals, what is public, and what a crash leaves."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from tests.support import oracle
from tests.support.commands import succeed
from tests.support.events import encode, make_event
from tests.support.reports import SECRETS, cibench, drift_bench
from tests.support.server import Answer, ServerProcess, serving

TOKEN = "open sesame"
PRODUCTION = ("--environment", "production", "--flush-interval-s", "0.05")
SUMMARY = "/v1/feedback/summary"


def post(server: ServerProcess, report: bytes, **headers: str) -> Answer:
    return server.request("POST", "/v1/feedback", report, {name.replace("_", "-"): headers[name] for name in headers})


def with_token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def summary(server: ServerProcess, results: int) -> list[dict[str, Any]]:
    """Return the public rows as soon as they count that many results."""
    while True:
        rows: list[dict[str, Any]] = server.request("GET", SUMMARY).json["rows"]
        if sum(row["count"] for row in rows) == results:
            return rows


def score(rows: list[dict[str, Any]], version: str) -> dict[str, Any]:
    (row,) = (row for row in rows if (row["version"], row["level"]) == (version, "overall"))
    return row


def test_a_report_is_stored_once_and_survives_a_kill_and_a_recount(data_dir: Path) -> None:
    first, second = cibench(version="0.9.48"), drift_bench()
    with serving(data_dir, "--flush-interval-s", "3600") as server:
        assert post(server, first).body == b'{"success":true,"resultsProcessed":12}'
        assert post(server, first).body == b'{"success":true,"resultsProcessed":12}'
        assert post(server, second).body == b'{"success":true,"resultsProcessed":10}'
        server.kill()
    assert len(oracle.raw_events(data_dir)) == 22
    assert not [row for row in oracle.raw_events(data_dir) if any(secret in str(row) for secret in SECRETS)]
    with serving(data_dir, "--flush-interval-s", "0.05") as server:
        assert post(server, first).json["resultsProcessed"] == 12
        rows = summary(server, 22)
        stats = server.request("GET", "/v1/stats").json
        server.stop()

    assert score(rows, "0.9.48")["mean"] == 71.5
    assert (stats["totalEvents"], stats["metrics"]) == (0, {"results:benchmark-result": 22})
    oracle.check(data_dir)
    succeed("check", "--data-dir", data_dir)


def test_only_what_is_admitted_or_came_with_the_token_is_public(data_dir: Path) -> None:
    with serving(data_dir, *PRODUCTION, environment={"TELEMETRY_FEEDBACK_TOKEN": TOKEN}) as server:
        post(server, cibench(version="0.9.48"))
        refused = post(server, cibench(), **with_token("wrong"))
        assert (refused.status, refused.json["code"]) == (401, "feedback_token_invalid")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert post(server, cibench(version="0.10.0", duration=None), **with_token(TOKEN)).json["success"]
        assert {row["version"] for row in summary(server, 11)} == {"0.10.0"}
        succeed("labels", "admit", "tool", "drift", "--data-dir", data_dir)
        admitted = succeed("labels", "admit", "corpus", "demo-backend", "--data-dir", data_dir)
        assert admitted == "corpus demo-backend is shown from now on\n"
        rows = summary(server, 23)
        asked = server.request("GET", f"{SUMMARY}?level=overall&format=csv&corpus=demo-backend")
        again = server.request(
            "GET", SUMMARY, headers={"If-None-Match": server.request("GET", SUMMARY).headers["ETag"]}
        )
        stats = server.request("GET", "/v1/stats").json
        page = server.request("GET", "/")
        server.stop()

    text = re.sub(r"<[^>]+>", "|", page.body.decode())
    assert "How do releases do in benchmarks?" in text
    assert "|drift, demo-backend||||overall||71.5||±0.0 since 0.9.48||0.10.0||1|" in text
    # One for what is published, the day, what the page says and the address in its examples.
    assert page.headers["ETag"].count("-") == 4
    assert score(rows, "0.10.0") | {"count": 1, "previous_version": "0.9.48", "change": 0} == score(rows, "0.10.0")
    lines = list(csv.DictReader(io.StringIO(asked.body.decode())))
    assert [(line["version"], line["mean"], line["stddev"]) for line in lines] == [
        ("0.9.48", "71.5", ""), ("0.10.0", "71.5", ""),
    ]  # fmt: skip
    assert again.status == 304
    assert (stats["totalEvents"], stats["metrics"]) == (0, {})
    oracle.check(data_dir)


def test_a_result_cannot_be_forged_among_events(data_dir: Path) -> None:
    forged = json.loads(cibench())["corpora"][0] | {"source": "token", "value": 100, "level": "overall"}
    with serving(data_dir) as server:
        event = make_event(
            "benchmark-result", **{name: forged[name] for name in ("corpus", "source", "value", "level")}
        )
        (rejected,) = server.post(encode([event])).json["rejected"]
        server.stop()

    assert rejected["code"] == "type_invalid"


def test_what_is_refused_says_so_and_stores_nothing(data_dir: Path) -> None:
    large = cibench(padding="x" * 1_048_576)
    with serving(data_dir) as server:
        refused = [
            post(server, body)
            for body in (b"{", b'{"events": []}', cibench(timestamp="2020-01-01T00:00:00Z"), large, cibench(tool="a b"))
        ]
        chunked = server.request("POST", "/v1/feedback", (large,), {"Transfer-Encoding": "chunked"})  # type: ignore[arg-type]
        opted_out = post(server, cibench(), DNT="1")
        wrong = server.request("PUT", "/v1/feedback", cibench())
        server.stop()

    assert [(answer.status, answer.json["code"]) for answer in [*refused, chunked]] == [
        (400, "invalid_json"), (400, "feedback_invalid"), (400, "feedback_invalid"), (413, "report_too_large"),
        (400, "feedback_invalid"), (413, "report_too_large"),
    ]  # fmt: skip
    assert "Timestamp too old" in refused[2].json["error"]
    assert opted_out.body == b'{"success":true,"resultsProcessed":12}'
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")
    assert oracle.raw_events(data_dir) == []
