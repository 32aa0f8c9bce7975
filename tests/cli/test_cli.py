import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.settings import Settings
from tests.support.commands import lose_aggregates, run
from tests.support.events import Traffic, encode
from tests.support.segments import PAGE_BYTES
from tests.support.server import ServerProcess, serving


def test_help_shows_every_command_and_an_example_of_each() -> None:
    overview = run("--help")
    commands = re.findall(r"^  (\w+)  ", overview.stdout.partition("Commands:")[2], re.MULTILINE)

    assert overview.returncode == 0
    assert {"serve", "migrate", "config"} <= set(commands)
    for command in commands:
        assert "Example: " in run(command, "--help").stdout


def test_commands_that_look_or_copy_do_not_wait_for_the_modules_of_the_server() -> None:
    names = ("segments", "config", "tail", "stats", "query", "export", "backup", "restore", "check")
    program = f"""import sys
from click import Context
from telemetry.cli import cli
assert all(cli.get_command(Context(cli), name) for name in {names})
print({{"aiohttp", "prometheus_client", "pyarrow", "apsw"}} & sys.modules.keys())"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "set()\n"


def test_serve_prints_where_it_listens_where_the_data_is_and_its_public_urls(data_dir: Path) -> None:
    with serving(data_dir) as server:
        assert server.stop() == 0

    url = re.escape(server.url)
    assert re.fullmatch(rf"Drift telemetry listens on {url} \(development\)", server.output[0])
    assert server.output[1] == f"Data is kept in {data_dir}"
    assert server.output[2] == f"POST {server.url}/v1/events   GET {server.url}/v1/stats   GET {server.url}/v1/health"


def test_in_production_every_line_of_output_is_one_json_object(data_dir: Path) -> None:
    with serving(data_dir, "--environment", "production") as server:
        server.post(encode(Traffic().batch(2)))
        assert server.stop() == 0

    lines = [json.loads(line) for line in server.output]
    assert lines[0]["message"] == "listening"
    assert lines[0]["data_dir"] == str(data_dir)
    assert {"time", "level", "logger", "message"} <= lines[-1].keys()


def test_config_prints_the_effective_settings_as_toml(tmp_path: Path) -> None:
    printed = run("config", "--port", "9", TELEMETRY_HOST="::1")
    assert printed.returncode == 0
    assert "port = 9\n" in printed.stdout
    assert 'host = "::1"\n' in printed.stdout
    assert len(printed.stdout.splitlines()) == len(Settings.__struct_fields__)

    file = tmp_path / "settings.toml"
    file.write_text(printed.stdout)
    assert run("config", "--config", str(file)).stdout == printed.stdout


def test_config_prints_what_is_sound_and_says_what_is_not() -> None:
    printed = run("config", TELEMETRY_PORT="many", TELEMETRY_HOST="::1", TELEMETRY_PROT="9")

    assert printed.returncode == 78
    assert 'host = "::1"\n' in printed.stdout
    assert "# port is wrong\n" in printed.stdout
    assert "warning: TELEMETRY_PROT is not a setting and ignored: did you mean TELEMETRY_PORT?\n" in printed.stderr
    assert printed.stderr.endswith("TELEMETRY_PORT says 'many'\n")


def test_a_malformed_setting_ends_with_a_sentence_and_its_own_exit_code() -> None:
    failed = run("serve", "--port", "many")

    assert failed.returncode == 78
    assert failed.stderr.startswith("telemetry: setting port: ")
    assert failed.stderr.count("\n") == 1


def test_migrate_prints_every_database_and_its_version(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(2)))
        server.stop()

    printed = run("migrate", "--data-dir", str(data_dir))

    assert printed.returncode == 0
    assert re.fullmatch(r"telemetry\.db  version \d+\nevents/\d{4}-\d\d-\d\d\.db  version 1\n", printed.stdout)


def test_a_database_of_a_newer_program_is_left_alone(data_dir: Path) -> None:
    assert run("migrate", "--data-dir", str(data_dir)).returncode == 0
    with closing(sqlite3.connect(data_dir / "telemetry.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    failed = run("migrate", "--data-dir", str(data_dir))

    assert failed.returncode == 65
    assert "schema version 99" in failed.stderr


@pytest.mark.case(17)
@pytest.mark.parametrize("name", ["telemetry.db", "events/*.db"])
def test_a_file_without_its_first_page_is_left_as_it_is_and_the_start_fails_and_says_what_to_do(
    data_dir: Path, name: str
) -> None:
    with serving(data_dir) as server:
        assert server.post(encode(Traffic().batch(100))).status == 200
        assert server.stop() == 0
    (file,) = data_dir.glob(name)
    damaged = b"not a database, ".ljust(PAGE_BYTES, b"?") + file.read_bytes()[PAGE_BYTES:]
    file.write_bytes(damaged)

    server = ServerProcess(data_dir)

    assert server.wait() == 65
    assert f"{file} is damaged" in server.output[-1]
    assert "move it away and restore it from a backup" in server.output[-1]
    assert file.read_bytes() == damaged


def test_a_directory_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failed = run("migrate", "--data-dir", str(tmp_path / "file" / "data"))

    assert failed.returncode == 73
    assert "choose another with --data-dir" in failed.stderr


def test_a_port_that_is_taken_is_a_clear_error(data_dir: Path, tmp_path: Path) -> None:
    with serving(data_dir) as server:
        failed = run("serve", "--port", str(server.port), "--data-dir", str(tmp_path / "other"))

    assert failed.returncode == 69
    assert "choose another --port" in failed.stderr


def test_files_are_readable_by_their_owner_only(data_dir: Path) -> None:
    with serving(data_dir) as server:
        server.post(encode(Traffic().batch(2)))
        modes = {path.name: path.stat().st_mode & 0o777 for path in [data_dir, *data_dir.rglob("*")]}
        server.stop()

    assert {mode for name, mode in modes.items() if name in {"data", "events"}} == {0o700}
    assert {mode for name, mode in modes.items() if name not in {"data", "events"}} == {0o600}


def test_a_segment_damaged_in_its_middle_is_named_when_the_start_reads_it(data_dir: Path) -> None:
    with serving(data_dir) as server:
        for _ in range(20):
            server.post(encode(Traffic(moment=None).batch(50)))
        server.stop()
    (segment,) = (data_dir / "events").glob("*.db")
    content = bytearray(segment.read_bytes())
    content[PAGE_BYTES * 3 : PAGE_BYTES * 5] = b"\xff" * PAGE_BYTES * 2
    segment.write_bytes(content)
    lose_aggregates(data_dir)

    again = ServerProcess(data_dir)

    assert again.wait() == 65
    assert f"{segment} is damaged" in again.output[-1]
    assert segment.read_bytes() == content
