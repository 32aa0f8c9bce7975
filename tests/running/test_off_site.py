"""The recipe for copies elsewhere, as it stands in the manual: its script is run, its drop-in read by systemd."""

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
    name = "drift-telemetry-backup@production.service"
    text = (UNITS / "drift-telemetry-backup@.service").read_text().replace(PROGRAM, str(COMMAND))
    (tmp_path / name).write_text(re.sub("^OnFailure=.*$", "", text, flags=re.MULTILINE))
    (tmp_path / f"{name}.d").mkdir()
    (tmp_path / f"{name}.d/override.conf").write_text(block("ini").replace(PROGRAM, str(COMMAND)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name], capture_output=True, text=True, check=False
    )

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
