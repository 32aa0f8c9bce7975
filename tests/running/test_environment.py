"""`make` mends the environment that it runs in, and says what a Python lacks before anything else fails."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from telemetry.storage.sqlite.database import SQLITE_VERSION_MIN
from tests.running.test_units import ROOT, write_program

CHECK = ROOT / "systemd/check_python.py"
# Makes an environment without the seconds that it takes to put pip into one; this pip only notes what it is told.
PYTHON = f"""
[ "$1 $2" = "-m venv" ] || exec {sys.executable} "$@"
{sys.executable} -m venv --without-pip "$3" || exit
for packages in "$3"/lib/python*/site-packages; do
    mkdir "$packages/pip" && touch "$packages/pip/__init__.py"
    echo 'import os, sys
print("pip", os.environ.get("PIP_USER"), os.environ.get("PIP_TARGET"), sys.argv[1])' >"$packages/pip/__main__.py"
done
echo "#!$PWD/$3/bin/python" >"$3/bin/pip"
"""


class Checkout(NamedTuple):
    """A folder that has what the environment is made from."""

    folder: Path

    def make(self, target: str = ".venv/.python", **variables: str) -> "subprocess.CompletedProcess[str]":
        # Without the variables of the make that runs the tests.
        environment = os.environ | {"MAKEFLAGS": "", "PATH": f"{self.folder / 'programs'}:{os.environ['PATH']}"}
        return subprocess.run(
            ["make", "--no-print-directory", target],
            cwd=self.folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def makes_again(self, **variables: str) -> bool:
        """Tell whether the environment is made again; it is sound afterwards."""
        made, again = self.make(**variables), self.make(**variables)
        assert (made.returncode, again.returncode, again.stdout) == (0, 0, ""), made.stderr + again.stderr
        return "making it again" in made.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "checkout"
    (folder / "systemd").mkdir(parents=True)
    for name in ("Makefile", "requirements.txt", "setup.cfg", "pyproject.toml", "systemd/check_python.py"):
        shutil.copy(ROOT / name, folder / name)
    write_program(folder / "programs/python3", PYTHON)
    made = Checkout(folder)
    assert not made.makes_again()
    return made


@pytest.mark.parametrize("broken", ["bin/pip", "bin/python", "lib/*/site-packages/pip", "pyvenv.cfg"])
def test_an_environment_that_lacks_something_is_made_again(checkout: Checkout, broken: str) -> None:
    (path,) = (checkout.folder / ".venv").glob(broken)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if broken == "bin/python":
        # As after the removal of the Python that it was made with.
        path.symlink_to("/nonexistent/python3")

    assert checkout.makes_again()
    assert not checkout.makes_again()


def test_an_environment_that_was_moved_with_its_folder_is_made_again_and_filled_again(
    tmp_path: Path, checkout: Checkout
) -> None:
    assert checkout.make(".venv/.run").stdout.count("pip") > 1
    moved = Checkout(checkout.folder.rename(tmp_path / "moved"))
    ran = moved.make(".venv/.run", PIP_USER="1", PIP_TARGET="/elsewhere")

    assert "making it again" in ran.stdout
    # Whatever pip is told by the shell, packages get into the environment.
    assert ran.stdout.count("pip 0 None install") == 2
    assert "pip" not in moved.make(".venv/.run").stdout


def test_another_python_that_is_given_makes_another_environment(tmp_path: Path, checkout: Checkout) -> None:
    other = tmp_path / "python3.12"
    write_program(other, "[ $1 != -c ] || { echo /other/python; exit; }" + PYTHON)

    assert "making it again" in checkout.make(PYTHON=str(other)).stdout
    missing = checkout.make(PYTHON="3.11")
    assert missing.returncode != 0
    assert "There is no program 3.11: give one, as with PYTHON=python3.12" in missing.stderr


def test_a_demo_is_not_simulated_before_its_address_is_known_to_be_free(checkout: Checkout) -> None:
    write_program(checkout.folder / ".venv/bin/telemetry", 'echo "$@" >>told; [ "$2" != --check ]')
    (checkout.folder / ".venv/.run").touch()
    refused = checkout.make("demo", ARGS="--port 80")
    (told,) = (checkout.folder / "told").read_text().splitlines()

    assert refused.returncode == 2
    assert told.startswith("serve --check --environment demo")
    assert told.endswith("--port 80")
    assert 'make demo ARGS="--port 8080"' in refused.stderr


def test_what_a_python_lacks_is_said_and_the_environment_stays(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = runpy.run_path(str(CHECK))["lacking"]
    assert lacking() is None
    assert runpy.run_path(str(CHECK))["SQLITE_VERSION_MIN"] == SQLITE_VERSION_MIN
    for patched, sentence in (
        (("sqlite3.sqlite_version_info", (3, 34, 1)), "SQLite 3.38 or newer is needed"),
        (("sys.version_info", (3, 10, 9)), "Python 3.11 or newer is needed"),
    ):
        monkeypatch.setattr(*patched)
        assert lacking().startswith(sentence)

    write_program(checkout.folder / "programs/old", "[ $1 = -c ] && echo /old/python && exit; echo too old >&2; exit 1")
    refused = checkout.make(PYTHON=str(checkout.folder / "programs/old"))
    assert (refused.returncode, (checkout.folder / ".venv").exists()) == (2, True)
