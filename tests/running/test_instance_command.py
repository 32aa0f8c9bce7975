"""The command of an instance: the program as the instance would run it, with its settings as systemd reads them."""

import os
import subprocess
import sys
from pathlib import Path

from telemetry.operator_errors import Exit
from tests.running.test_units import UNITS, write_program


def run_wrapper(tmp_path: Path, settings: bytes, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command of an instance as root would, with a program that prints its arguments and variables."""
    (tmp_path / "staging.env").write_bytes(settings)
    text = (UNITS / "telemetry.sh").read_text()
    for name, value in {
        "/etc/drift-telemetry/@INSTANCE@.env": str(tmp_path / "staging.env"),
        "@INSTANCE@": "staging",
        "@PREFIX@": str(tmp_path),
    }.items():
        text = text.replace(name, value)
    (tmp_path / "command").write_text(text)
    write_program(tmp_path / "programs/runuser", 'shift 3 && exec "$@"')
    (tmp_path / "current/bin").mkdir(parents=True)
    write_program(tmp_path / "current/bin/python", f'exec {sys.executable} "$@"')
    write_program(tmp_path / "current/bin/telemetry", 'echo "$@" && env')
    return subprocess.run(
        ["sh", str(tmp_path / "command"), *arguments],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path / 'programs'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_of_an_instance_reads_its_settings_without_evaluating_them(tmp_path: Path) -> None:
    secret = "a b$(touch evaluated)`touch evaluated`$HOME;touch evaluated"
    lines = [
        "# A comment with a = in it, and a line that is none:",
        "nothing",
        "=nothing",
        'TELEMETRY_TRUSTED_PROXIES="127.0.0.1/32, ::1/128"',
        "  TELEMETRY_HOST='::1'",
        f"TELEMETRY_ADMIN_TOKEN={secret}",
        "TELEMETRY_RETENTION_DAYS = 40\r",
        "TELEMETRY_CLIENT_ADDRESS_HEADER=X-Real-\\",
        "IP",
    ]
    ran = run_wrapper(tmp_path, "\n".join(lines).encode(), "config", "an argument")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("config an argument\n")
    assert {line for line in ran.stdout.splitlines() if line.startswith("TELEMETRY_")} == {
        "TELEMETRY_ENVIRONMENT=staging",
        "TELEMETRY_DATA_DIR=/var/lib/drift-telemetry/staging",
        "TELEMETRY_TRUSTED_PROXIES=127.0.0.1/32, ::1/128",
        "TELEMETRY_HOST=::1",
        f"TELEMETRY_ADMIN_TOKEN={secret}",
        "TELEMETRY_RETENTION_DAYS=40",
        "TELEMETRY_CLIENT_ADDRESS_HEADER=X-Real-IP",
    }
    assert not (tmp_path / "evaluated").exists()


def test_a_file_of_settings_that_systemd_passes_over_is_refused_by_the_command(tmp_path: Path) -> None:
    ran = run_wrapper(tmp_path, b"TELEMETRY_RETENTION_DAYS=40\n# \xe9\n", "config")

    assert ran.returncode == Exit.CONFIG
    assert "staging.env is not UTF-8, so that systemd passes over all of it" in ran.stderr
