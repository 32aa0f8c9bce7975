"""The date of the program, by which a clock is known to be wrong."""

import subprocess
from pathlib import Path

import pytest

from telemetry.clock import BUILT_AT, Clock

ROOT = Path(__file__).parents[1]
_BEHIND_MAX_S = 180 * 86_400


def test_the_program_was_made_before_now_and_not_long_before_its_last_change() -> None:
    assert Clock().now() > BUILT_AT
    found = subprocess.run(
        ["git", "log", "-1", "--format=%ct", "--", "telemetry"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not found.stdout.strip():
        pytest.skip("needs the repository's history")
    # If this fails, set BUILT_AT to the first day of this month.
    assert int(found.stdout) - BUILT_AT < _BEHIND_MAX_S
