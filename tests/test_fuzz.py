"""Nasty inputs, those that a search found among them, break no promise; and the search goes on."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.decoder import decode
from tests.fuzz.http import HttpTarget
from tests.fuzz.inputs import folder
from tests.support import oracle, tally
from tests.support.events import encode, make_event
from tests.support.server import serving

SECONDS = int(os.environ.get("FUZZ_SECONDS", "30"))

needs_atheris = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris")


def nasty(target: str) -> list[Path]:
    return sorted(folder(target).iterdir())


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpTarget]:
    data_dir = tmp_path_factory.mktemp("fuzz") / "data"
    http = HttpTarget(data_dir)
    # Processes share the inputs out, and what one of them sends may have nothing to store.
    body = encode([make_event()])
    sent = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    assert http.exchange(sent, patience_s=15).startswith(b"HTTP/1.1 200")
    yield http
    http.stop()
    assert oracle.check(data_dir)


@pytest.mark.case(34, 35, 36)
@pytest.mark.parametrize("body", nasty("decoder"), ids=lambda path: path.name)
def test_a_nasty_body_gives_a_batch_or_a_coded_refusal(body: Path) -> None:
    decode(body.read_bytes())


@pytest.mark.case(32)
@pytest.mark.parametrize("sent", nasty("http"), ids=lambda path: path.name)
def test_nasty_bytes_on_a_connection_are_answered_or_refused(target: HttpTarget, sent: Path) -> None:
    assert target.exchange(sent.read_bytes(), patience_s=15).startswith(b"HTTP/1.")


@pytest.mark.torture
@pytest.mark.case(34, 35, 36)
@needs_atheris
def test_a_search_finds_no_body_that_breaks_a_promise(tmp_path: Path, seed: int) -> None:
    search("decoder", tmp_path, seed)


@pytest.mark.torture
@pytest.mark.case(32, 33)
@needs_atheris
def test_a_search_finds_no_bytes_on_a_connection_that_break_a_promise(tmp_path: Path, seed: int) -> None:
    search("http", tmp_path, seed)

    # The search ends as a killed process does: everything it had stored is counted by the next one.
    with serving(tmp_path / "data") as server:
        assert server.stop() == 0
    assert oracle.check(tmp_path / "data")


def search(target: str, work: Path, seed: int) -> None:
    # By a shell: a process takes the largest memory of the one that started it for its own, and that has a limit.
    started = ("sh", "-c", '"$@" & wait $!', "sh", sys.executable, "-m", "tests.fuzz")
    command = (*started, target, "--work", work, "--seconds", SECONDS, "--seed", seed)
    with (work / "log").open("wb") as log:
        ended = subprocess.run(list(map(str, command)), check=False, stdout=log, stderr=subprocess.STDOUT)
    told = (work / "log").read_text(errors="replace")
    assert ended.returncode == 0, told[-4_000:]
    tally.current().add(tries=int(told.rpartition("stat::number_of_executed_units:")[2].split()[0]))
