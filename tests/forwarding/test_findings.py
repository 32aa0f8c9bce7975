"""A cluster that is gone: the service goes on, and the operator is told."""

import json
import time
from pathlib import Path

import pytest

from tests.support.admin import scrape
from tests.support.commands import run
from tests.support.events import Traffic, encode
from tests.support.forwarding import credentials, state_of
from tests.support.server import serving

NOBODY = "clickhouse://127.0.0.1:1,127.0.0.1:2/gone"


def findings(data_dir: Path, **variables: str) -> list[dict[str, str]]:
    found = json.loads(run("check", "--json", "--data-dir", data_dir, **variables).stdout)["findings"]
    return [one for one in found if one["subject"] == "forwarding"]


def test_a_cluster_that_is_gone_hinders_nobody_and_is_reported(data_dir: Path, tmp_path: Path) -> None:
    environment = credentials(tmp_path / "credentials")
    with serving(data_dir, "--flush-interval-s", "0.1") as server:
        assert server.post(encode(Traffic().batch(40))).status == 200
        (never,) = findings(data_dir, TELEMETRY_CLUSTER=NOBODY)
        assert "start `telemetry forward`" in never["sentence"]
        assert scrape(data_dir).value("forwarding_lag_seconds") == 0
        while scrape(data_dir).value("unflushed_keys"):
            time.sleep(0.05)

        failed = run("forward", "--once", "--data-dir", data_dir, "--cluster", NOBODY, **environment)

        assert failed.returncode == 69
        assert "cannot be reached" in failed.stderr
        assert server.post(encode(Traffic(2).batch(10))).status == 200
        # As if that had gone on for two hours.
        state = state_of(data_dir)
        (data_dir / "forwarding.json").write_text(json.dumps(state | {"began_at": time.time() - 7_200, "waiting": 40}))
        metrics = scrape(data_dir)
        assert 7_200 <= metrics.value("forwarding_lag_seconds") < 7_300
        assert metrics.value("forwarding_events") == 40
        (late,) = findings(data_dir)
        assert late["severity"] == "warning"
        assert "40 events waited at the last try; its last error is: 127.0.0.1:" in late["sentence"]
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        ((), 78, "setting cluster: it is empty"),
        (("--cluster", "http://ch1"), 78, "is not an address such as clickhouse://"),
        (
            ("--cluster", "clickhouse://ch1?secure=yes&ca=/none"),
            78,
            "cannot read the authorities in /none",
        ),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(imported: Path, flags: tuple[str, ...], code: int, said: str) -> None:
    refused = run("forward", "--once", "--data-dir", imported, *flags)
    assert (refused.returncode, said in refused.stderr) == (code, True), refused.stderr


def test_a_log_that_may_lose_events_in_a_power_cut_is_not_forwarded(imported: Path) -> None:
    refused = run("forward", "--once", "--data-dir", imported, "--cluster", NOBODY, TELEMETRY_SYNCHRONOUS="NORMAL")
    assert refused.returncode == 78
    assert "set it to FULL" in refused.stderr


def test_a_damaged_state_is_named_with_what_to_do(imported: Path) -> None:
    (imported / "forwarding.json").write_text("{")
    refused = run("forward", "--once", "--data-dir", imported, "--cluster", NOBODY)
    assert refused.returncode == 65
    assert "remove it, and everything is sent again, which changes no number" in refused.stderr
    (imported / "forwarding.json").chmod(0o600)
    assert "forwarding.json is damaged" in run("check", "--data-dir", imported).stdout
