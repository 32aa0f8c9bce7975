"""The installed command, run to its end."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.processes import start


def run(*arguments: str | Path, prefix: Sequence[str] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is; it is killed if that takes more than a minute."""
    process = start(*arguments, prefix=prefix, environment=variables)
    try:
        output, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(arguments, process.wait(), output, errors)


def lose_aggregates(data_dir: Path) -> None:
    """Remove the aggregates, and accept that loss: the next start counts the events that are there."""
    (data_dir / "telemetry.db").unlink()
    succeed("migrate", "--accept-loss", "--data-dir", data_dir)


def succeed(*arguments: str | Path, prefix: Sequence[str] = (), **variables: str) -> str:
    """Run a command that must succeed, and return what it prints."""
    ended = run(*arguments, prefix=prefix, **variables)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
