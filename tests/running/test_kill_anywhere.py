"""A kill after any system call: every prefix of what was recorded is opened, and has lost nothing."""

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import tally
from tests.support.events import Fields
from tests.support.images import LIVES, Life, Recording, assert_in_order, check_images
from tests.support.recording import record, unmeasured

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the Debian package strace")

# What changes files, by its name and how often a thread of a life calls it.
CHANGES = {"pwrite64": 300, "fdatasync": 40, "fsync": 8, "ftruncate": 4, "unlink": 6, "mkdir": 2, "fchmod": 1}
TRIES_MAX = 20


@pytest.mark.case(1, 3, 4)
@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
@pytest.mark.parametrize("prefixes", [4, pytest.param(120, marks=pytest.mark.torture)])
def test_a_kill_after_any_call_leaves_a_directory_that_a_start_sets_right(
    tmp_path: Path, life: Life, prefixes: int, seed: int
) -> None:
    data_dir = tmp_path / "data"
    calls = record(f"tests.support.{life.module}", data_dir, tmp_path / "trace")
    assert len(calls) > 400
    wanted = random.Random(seed).sample(range(1, len(calls) + 1), min(prefixes, len(calls)))
    assert check_images(Recording(life, calls, data_dir), wanted).tries == len(wanted)


@pytest.mark.case(1, 3, 4)
@pytest.mark.parametrize("kills", [2, pytest.param(16, marks=pytest.mark.torture)])
async def test_a_signal_at_any_call_leaves_a_directory_that_a_start_sets_right(
    tmp_path: Path, kills: int, seed: int
) -> None:
    chosen, killed = random.Random(seed), 0
    for _ in range(kills * TRIES_MAX):
        data_dir, life = tmp_path / "data", chosen.choice(list(LIVES.values()))
        change, most = chosen.choice(list(CHANGES.items()))
        told = told_until_killed(life, data_dir, f"{change}:signal=KILL:when={chosen.randint(1, most)}")
        if told is not None:
            tally.current().add(tries=1)
            await assert_in_order(life, data_dir, told)
            killed += 1
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.rmtree(tmp_path / "backups", ignore_errors=True)
        if killed == kills:
            return
    pytest.fail(f"{killed} of {kills} were killed")


def told_until_killed(life: Life, data_dir: Path, injected: str) -> list[Fields] | None:
    """Live until a call is met by a signal; return what was told by then, or None if the life came to its end."""
    call = injected.partition(":")[0]
    # Without --seccomp-bpf: with it, strace 6.1 loses most of the signals that it injects.
    inject = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={injected}")
    command = (*inject, sys.executable, "-m", f"tests.support.{life.module}", str(data_dir))
    lived = subprocess.run(command, check=False, capture_output=True, env=unmeasured())
    if lived.returncode == 0:
        return None
    if lived.returncode != -signal.SIGKILL:
        # The signal met the process that seals: the service goes on, and an erasure in it ends with that error.
        error = lived.stderr.decode().splitlines()[-1]
        assert "StorageFailedError" in error, lived.stderr
        assert "its process ended with -9" in error
    told: list[Fields] = []
    output = lived.stdout.decode()
    while output.startswith("["):
        some, length = json.JSONDecoder().raw_decode(output)
        told += some
        output = output[length:]
    return told
