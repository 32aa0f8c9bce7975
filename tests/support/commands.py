"""The installed command, run to its end."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.server import COMMAND


def run(*arguments: str | Path, prefix: Sequence[str] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    return subprocess.run(
        [*prefix, COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | variables,
        check=False,
    )


def lose_aggregates(data_dir: Path) -> None:
    """Remove the aggregates, and accept that loss: the next start counts the events that are there."""
    (data_dir / "telemetry.db").unlink()
    succeed("migrate", "--accept-loss", "--data-dir", data_dir)


def succeed(*arguments: str | Path, prefix: Sequence[str] = (), **variables: str) -> str:
    """Run a command that must succeed, and return what it prints."""
    ended = run(*arguments, prefix=prefix, **variables)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
