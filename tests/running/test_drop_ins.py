"""Drop-ins and scripts of the manual: systemd reads the ones, the others are run as they stand there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running.test_units import PROGRAM, ROOT, UNITS, needs_analyze
from tests.support.commands import run, succeed
from tests.support.processes import COMMAND

needs_restic = pytest.mark.skipif(shutil.which("restic") is None, reason="needs the Debian package restic")
RECIPE = (ROOT / "docs/operating.md").read_text().partition("**Copies elsewhere.**")[2]


def block(language: str) -> str:
    """Return the first block of a language in the recipe."""
    return RECIPE.partition(f"```{language}\n")[2].partition("```")[0]


@needs_restic
def test_the_script_of_the_recipe_saves_a_backup_elsewhere_and_brings_it_back(
    imported: Path, backups: Path, tmp_path: Path
) -> None:
    script = tmp_path / "off-site"
    script.write_text(block("sh"))
    script.chmod(0o700)
    variables = {
        "RESTIC_REPOSITORY": str(tmp_path / "repository"),
        "RESTIC_PASSWORD": "a password",
        "RESTIC_CACHE_DIR": str(tmp_path / "cache"),
        "TELEMETRY_ENVIRONMENT": "production",
        "TELEMETRY_DATA_DIR": str(imported),
    }
    subprocess.run(["restic", "init", "--quiet"], env=os.environ | variables, check=True)
    made = run("backup", backups, "--then", script, **variables)
    assert (made.returncode, made.stderr) == (0, "")

    (command,) = re.findall(r"`(restic restore [^`]*)`", RECIPE)
    subprocess.run(command.replace("/var/tmp", str(tmp_path)).split(), env=os.environ | variables, check=True)
    succeed("restore", tmp_path / "drift", "--to", tmp_path / "restored")
    assert (tmp_path / "restored/events/2026-11-23.db").exists()


@needs_analyze
def test_the_drop_in_of_the_recipe_is_one_that_systemd_takes(tmp_path: Path) -> None:
    assert complaints(tmp_path, "drift-telemetry-backup@", block("ini")) == (0, "")


@needs_analyze
@pytest.mark.parametrize("unit", ["drift-telemetry@", "drift-telemetry-backup@"])
def test_the_drop_in_for_containers_leaves_nothing_that_needs_a_namespace(tmp_path: Path, unit: str) -> None:
    text = (UNITS / "container.conf.example").read_text()
    relaxed = {line.partition("=")[0] for line in text.splitlines() if "=" in line and not line.startswith("#")}
    wanted = re.findall(r"^(Protect\w+|Private\w+|ProcSubset|ReadWritePaths)=", unit_text(unit), re.MULTILINE)

    assert set(wanted) <= relaxed
    assert complaints(tmp_path, unit, text) == (0, "")


def unit_text(unit: str) -> str:
    """Return a unit of the service with a program that is there, and without other units."""
    text = (UNITS / f"{unit}.service").read_text().replace(PROGRAM, str(COMMAND))
    return re.sub("^(OnFailure|Requires)=.*$", "", text, flags=re.MULTILINE)


def complaints(folder: Path, unit: str, drop_in: str) -> tuple[int, str]:
    """Return the exit code of systemd for a unit with a drop-in, and what it says."""
    path = folder / f"{unit}production.service"
    path.write_text(unit_text(unit))
    path.with_name(f"{path.name}.d").mkdir()
    (folder / f"{path.name}.d/override.conf").write_text(drop_in.replace(PROGRAM, str(COMMAND)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    return verified.returncode, verified.stdout + verified.stderr
