"""The units and what ``make install`` makes of them, as systemd's own tools and a package builder see them."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from telemetry.cli import Exit
from telemetry.settings import Settings, load
from tests.support.server import COMMAND

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "systemd"
PROGRAM = "/opt/drift-telemetry/current/bin/telemetry"
# 1.3 of 10, where 10 is wide open.
EXPOSURE_MAX = 13
# The python that the service may use: not one in somebody's home.
PYTHON = "/usr/bin/python3"

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd")


def can_make_environments() -> bool:
    return subprocess.run([PYTHON, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


needs_venv = pytest.mark.skipif(
    not Path(PYTHON).exists() or not can_make_environments(), reason="needs the Debian package python3-venv"
)


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """The units of an instance, with a program that is there."""
    for unit in UNITS.glob("drift-telemetry*@.*"):
        text = unit.read_text().replace(PROGRAM, str(COMMAND))
        for name in (unit.name, unit.name.replace("@", "@canary")):
            (tmp_path / name).write_text(text)
    found = [str(path) for path in sorted(tmp_path.glob("*@canary.*"))]
    assert len(found) == 5
    return found


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def directives(unit: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((UNITS / unit).read_text())
    return {name: value for section in parser.sections() for name, value in parser[section].items()}


@needs_analyze
def test_systemd_finds_nothing_to_complain_about(units: list[str]) -> None:
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=one", *units], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@needs_analyze
def test_the_service_is_exposed_no_more_than_promised(units: list[str]) -> None:
    service = next(unit for unit in units if unit.endswith("telemetry@canary.service"))
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", service],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_the_units_agree_with_the_settings_and_the_exit_codes() -> None:
    service, socket = directives("drift-telemetry@.service"), directives("drift-telemetry@.socket")

    assert load({"environment": "canary"}, {}).data_dir == f"/var/lib/{service['StateDirectory']}".replace(
        "%i", "canary"
    )
    assert socket["ListenStream"] == f"{Settings().host}:{Settings().port}"
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == {
        Exit.DATA_DAMAGED,
        Exit.CANNOT_CREATE,
        Exit.CONFIG,
    }


@needs_venv
def test_an_installation_holds_what_runs_and_names_the_next_two_commands(tmp_path: Path) -> None:
    root = tmp_path / "root"
    settings = root / "etc" / "drift-telemetry" / "staging.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("TELEMETRY_RETENTION_DAYS=30\n")
    made = make("install", "ENV=staging", f"DESTDIR={root}", f"PYTHON={PYTHON}")
    assert made.returncode == 0, made.stderr

    commands = [line for line in made.stdout.splitlines() if line.startswith("sudo ")]
    assert len(commands) == 2
    assert "enable --now drift-telemetry@staging.socket drift-telemetry@staging.service" in commands[1]
    assert settings.read_text() == "TELEMETRY_RETENTION_DAYS=30\n"
    port = root / "etc/systemd/system/drift-telemetry@staging.socket.d/port.conf"
    assert port.read_text().endswith("ListenStream=127.0.0.1:8788\n")
    assert {path.name for path in (root / "etc/systemd/system").glob("*@.*")} == {
        path.name for path in UNITS.glob("*@.*")
    }

    (release,) = (root / "opt/drift-telemetry/releases").iterdir()
    assert (root / "opt/drift-telemetry/current").readlink() == Path("/") / release.relative_to(root)
    program = (release / "bin/telemetry").read_text()
    # A path that is too long for the kernel stands one line further down.
    assert f"/{release.relative_to(root)}/bin/python" in "".join(program.splitlines()[:2])
    ran = subprocess.run(
        [release / "bin/python", "-m", "telemetry", "config"], capture_output=True, text=True, check=True
    )
    assert 'environment = "development"' in ran.stdout
    for path in root.rglob("*"):
        assert not path.is_file() or str(root).encode() not in path.read_bytes(), path

    removed = make("uninstall", f"DESTDIR={root}")
    assert removed.returncode == 0, removed.stderr
    assert [path for path in root.rglob("*") if path.is_file()] == [settings]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name the instance"),
        (("ENV=../x",), "name the instance"),
        (("ENV=canary",), "choose a port that no other instance has"),
    ],
)
def test_an_installation_that_lacks_something_says_what(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    made = make("install", f"DESTDIR={tmp_path}", *arguments)

    assert made.returncode != 0
    assert re.search(f"^install: {sentence}", made.stderr, re.MULTILINE)
    assert not list(tmp_path.iterdir())


def test_an_upgrade_that_fails_leaves_what_is_there(tmp_path: Path) -> None:
    root, python = tmp_path / "root", tmp_path / "python"
    releases, current = root / "opt/drift-telemetry/releases", root / "opt/drift-telemetry/current"
    (releases / "20260101T000000Z").mkdir(parents=True)
    current.symlink_to("/opt/drift-telemetry/releases/20260101T000000Z")
    python.write_text('#!/bin/sh\nmkdir -p "$3/bin" && exit 1\n')
    python.chmod(0o755)
    made = make("install", "ENV=production", f"DESTDIR={root}", f"PYTHON={python}")

    assert made.returncode != 0
    assert [path.name for path in releases.iterdir()] == ["20260101T000000Z"]
    assert current.readlink() == Path("/opt/drift-telemetry/releases/20260101T000000Z")
    assert not (root / "etc").exists()
