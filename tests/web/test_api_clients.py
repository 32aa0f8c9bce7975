"""Other programs understand the read API: what tests it from its description, pandas and DuckDB."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.publishing import publish_four_weeks
from tests.support.server import ServerProcess, serving

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "api" / "bin"
EXAMPLES = (ROOT / "docs" / "read-api.md").read_text()
needs_clients = pytest.mark.skipif(not BIN.exists(), reason="needs the clients of the read API: make .venv/.api")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = Path(tmp_path_factory.mktemp("clients"))
    asyncio.run(publish_four_weeks(folder / "made"))
    (folder / "data").mkdir()
    # The public file alone: its windows may be ahead of the clock of this machine.
    shutil.copy(folder / "made" / "published.db", folder / "data")
    with serving(folder / "data", "--environment", "production") as running:
        yield running
        assert running.stop() == 0


def run(*command: str | Path, cwd: Path) -> str:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-3_000:] + ended.stderr[-3_000:]
    return ended.stdout


@needs_clients
def test_the_description_is_openapi(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_bytes(server.request("GET", "/openapi.json").body)

    assert "OK" in run(BIN / "openapi-spec-validator", "openapi.json", cwd=tmp_path)


@needs_clients
def test_requests_that_are_made_from_the_description_find_nothing(server: ServerProcess, tmp_path: Path) -> None:
    # A report may have the right form and be too old, or of a tool whose name is no label.
    (tmp_path / "schemathesis.toml").write_text(
        '[[operations]]\ninclude-path = "/v1/feedback"\nwarnings = false\n'
        "[operations.checks]\npositive_data_acceptance.enabled = false\n"
    )
    options = ("--max-examples", "2", "--phases", "examples,coverage,fuzzing", "--no-color")

    found = run(BIN / "schemathesis", "run", f"{server.url}/openapi.json", *options, cwd=tmp_path)

    assert "No issues found" in found


@needs_clients
def test_the_examples_of_the_documentation_work_as_written(server: ServerProcess, tmp_path: Path) -> None:
    blocks = re.findall(r"```(sh|python)\n(.*?)```", EXAMPLES, re.DOTALL)
    commands: dict[str, tuple[str | Path, ...]] = {"sh": ("bash", "-ec"), "python": (BIN / "python", "-c")}

    printed = [
        run(*commands[language], text.replace("http://127.0.0.1:8787", server.url), cwd=tmp_path)
        for language, text in blocks
    ]

    by_curl, by_pandas, by_duckdb = printed
    csv, _, thresholds = by_curl.partition("\n{")
    assert csv.startswith("window_start,cohort,version,installations\n2026-11-03,regular,")
    assert json.loads("{" + thresholds)["target"] == 0.85
    assert (tmp_path / "published.db").read_bytes() == (server.data_dir / "published.db").read_bytes()
    assert "0.10.0" in by_pandas
    assert "approval" in by_duckdb
    assert "api" in by_duckdb
