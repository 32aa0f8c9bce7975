"""A kill after any system call: every prefix of what was recorded is opened, and has lost nothing."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.events import Fields
from tests.support.images import Recording, assert_in_order, check_images
from tests.support.power_cut import record

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")

WORKLOADS = ("workload", "sealing_workload", "erasing_workload")
CHANGES = "pwrite64,fdatasync,fsync,ftruncate,unlink,mkdir,fchmod"
# Each thread counts for itself; the one that appends changes files some hundred times in each life.
CHANGES_OF_A_THREAD = 120


@pytest.mark.case(1, 3, 4)
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("prefixes", [12, pytest.param(1_200, marks=pytest.mark.torture)])
def test_a_kill_after_any_call_leaves_a_directory_that_a_start_sets_right(
    tmp_path: Path, workload: str, prefixes: int, seed: int
) -> None:
    data_dir = tmp_path / "data"
    calls = record(f"tests.support.{workload}", data_dir, tmp_path / "trace")
    wanted = random.Random(seed).sample(range(1, len(calls) + 1), min(prefixes, len(calls)))
    assert check_images(Recording(calls, data_dir), wanted, assert_in_order).tries == len(wanted)


@pytest.mark.case(1, 3, 4)
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.torture)])
async def test_a_signal_at_any_call_leaves_a_directory_that_a_start_sets_right(
    tmp_path: Path, kills: int, seed: int
) -> None:
    chosen, killed = random.Random(seed), 0
    while killed < kills:
        data_dir = tmp_path / "data"
        told = told_until_killed(chosen.choice(WORKLOADS), data_dir, chosen.randint(1, CHANGES_OF_A_THREAD))
        if told is not None and data_dir.exists():
            await assert_in_order(data_dir, told)
            killed += 1
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.rmtree(tmp_path / "backups", ignore_errors=True)


def told_until_killed(workload: str, data_dir: Path, call: int) -> list[Fields] | None:
    """Live until a thread has made so many changes to files; return what was told by then, or None if it never had."""
    inject = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={CHANGES}:signal=KILL:when={call}")
    command = (*inject, sys.executable, "-m", f"tests.support.{workload}", str(data_dir))
    lived = subprocess.run(command, check=False, stdout=subprocess.PIPE)
    told: list[Fields] = []
    output = lived.stdout.decode()
    while output.startswith("["):
        some, length = json.JSONDecoder().raw_decode(output)
        told += some
        output = output[length:]
    return told if lived.returncode else None
