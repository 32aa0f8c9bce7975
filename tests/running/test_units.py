"""The units and what ``make install`` makes of them, as systemd's own tools and a package builder see them."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from telemetry.loading import load
from telemetry.operator_errors import Exit
from telemetry.settings import Settings
from telemetry.web.listening import BACKLOG
from telemetry.web.server import CONNECTIONS_MAX
from tests.support.processes import COMMAND

ROOT = Path(__file__).parents[2]
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
    assert len(found) == 10
    return found


def make(*arguments: str, programs: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run make; programs in a folder are taken for those of the host."""
    path = os.environ["PATH"] if programs is None else f"{programs}:{os.environ['PATH']}"
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@contextmanager
def running(program: str) -> Iterator[None]:
    """Have a process that the system shows under the path of a program that may not be there."""
    # It ends when its input does.
    with subprocess.Popen([program, "-c", "read"], executable=shutil.which("bash"), stdin=subprocess.PIPE):
        yield


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
@pytest.mark.parametrize("unit", ["drift-telemetry", "drift-telemetry-forward", "drift-telemetry-publish"])
def test_no_unit_is_exposed_more_than_promised(units: list[str], unit: str) -> None:
    service = next(path for path in units if path.endswith(f"/{unit}@canary.service"))
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", service],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_a_failure_beside_the_service_does_not_close_its_socket() -> None:
    services = {path.name: directives(path.name) for path in UNITS.glob("*@.service")}
    assert [name for name, unit in services.items() if "Conflicts" in unit] == ["drift-telemetry-failed@.service"]
    closing = [name for name, unit in services.items() if unit.get("OnFailure") == "drift-telemetry-failed@%i.service"]
    assert closing == ["drift-telemetry@.service"]


def test_the_units_agree_with_the_settings_and_the_exit_codes() -> None:
    service, socket = directives("drift-telemetry@.service"), directives("drift-telemetry@.socket")

    assert load({"environment": "canary"}, {}).data_dir == f"/var/lib/{service['StateDirectory']}".replace(
        "%i", "canary"
    )
    assert socket["ListenStream"] == f"{Settings().host}:{Settings().port}"
    assert int(socket["Backlog"]) == BACKLOG
    # The standard metrics of the process need /proc/stat.
    assert service.get("ProcSubset", "all") == "all"
    assert int(service["LimitNOFILE"]) > CONNECTIONS_MAX + 5 * BACKLOG
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == {
        Exit.DATA_DAMAGED,
        Exit.CANNOT_CREATE,
        Exit.CONFIG,
    }


@needs_venv
def test_an_upgrade_removes_what_nothing_uses_holds_what_runs_and_names_the_next_two_commands(tmp_path: Path) -> None:
    # One installation for all of it, for it takes half a minute.
    root, programs = tmp_path / "root", tmp_path / "programs"
    write_program(programs / "systemctl", 'echo "systemd 257 (257.9-1)"')
    settings = root / "etc/drift-telemetry/staging.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("TELEMETRY_RETENTION_DAYS=30\n")
    releases, current = root / "opt/drift-telemetry/releases", root / "opt/drift-telemetry/current"
    old, running_still, previous, foreign = "20250101T000000Z", "20250102T000000Z", "20250103T000000Z", "notes"
    for name in (old, running_still, previous, foreign):
        (releases / name).mkdir(parents=True)
    current.symlink_to(f"/opt/drift-telemetry/releases/{previous}")
    (releases / previous / "extras").write_text("query\n")
    with running(f"/opt/drift-telemetry/releases/{running_still}/bin/python"):
        made = make("install", "ENV=staging", f"DESTDIR={root}", f"PYTHON={PYTHON}", programs=programs)

    assert made.returncode == 0, made.stderr
    commands = [line for line in made.stdout.splitlines() if line.startswith("sudo ")]
    assert len(commands) == 2
    assert "enable --now drift-telemetry@staging.socket drift-telemetry@staging.service" in commands[1]
    assert settings.read_text() == "TELEMETRY_RETENTION_DAYS=30\n"
    (release,) = {path.name for path in releases.iterdir()} - {running_still, previous, foreign}
    assert release > old
    assert current.readlink() == Path("/opt/drift-telemetry/releases") / release
    assert_units_are_written(root / "etc/systemd/system")
    assert_release_runs(releases / release, root)
    assert (releases / release / "extras").read_text() == "query\n"
    subprocess.run([releases / release / "bin/python", "-c", "import apsw"], check=True)

    (releases / foreign).rmdir()
    removed = make("uninstall", f"DESTDIR={root}")
    assert removed.returncode == 0, removed.stderr
    assert [path for path in root.rglob("*") if path.is_file()] == [settings]
    assert not (root / "opt/drift-telemetry").exists()


def assert_units_are_written(folder: Path) -> None:
    written = {path.name for path in folder.glob("*@.*") if path.is_file()}
    assert written == {path.name for path in UNITS.glob("*@.*")}
    port = folder / "drift-telemetry@staging.socket.d/port.conf"
    assert port.read_text().endswith("ListenStream=127.0.0.1:8788\n")
    # Without it, each restart starts what a failure starts.
    assert (folder / "drift-telemetry@.service.d/restart.conf").read_text() == "[Service]\nRestartMode=direct\n"


def assert_release_runs(release: Path, root: Path) -> None:
    """Assert that a release below another root works and names the places that it will have."""
    program = (release / "bin/telemetry").read_text()
    # A path that is too long for the kernel stands one line further down.
    assert f"/{release.relative_to(root)}/bin/python" in "".join(program.splitlines()[:2])
    ran = subprocess.run(
        [release / "bin/python", "-m", "telemetry", "config"], capture_output=True, text=True, check=True
    )
    assert 'environment = "development"' in ran.stdout
    for path in root.rglob("*"):
        assert not path.is_file() or str(root).encode() not in path.read_bytes(), path


def test_uninstalling_removes_what_install_has_made_and_nothing_else(tmp_path: Path) -> None:
    prefix, units = tmp_path / "usr/local", tmp_path / "etc/systemd/system"
    ours = [
        prefix / "releases/20260101T000000Z/bin/telemetry",
        units / "drift-telemetry@.service",
        units / "drift-telemetry-failed@.service",
        units / "drift-telemetry-backup-failed@.service",
        units / "drift-telemetry-backup@.timer",
        units / "drift-telemetry@.service.d/restart.conf",
        units / "drift-telemetry@staging.socket.d/port.conf",
        units / "multi-user.target.wants/drift-telemetry@staging.service",
        tmp_path / "etc/sysusers.d/drift-telemetry.conf",
        prefix / "bin/telemetry-staging",
    ]
    others = [
        prefix / "bin/program",
        prefix / "releases/notes/text",
        units / "other.service",
        units / "drift-telemetry@staging.service.d/override.conf",
        tmp_path / "etc/drift-telemetry/staging.env",
    ]
    for path in (*ours, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (prefix / "current").symlink_to("/usr/local/releases/20260101T000000Z")
    removed = make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr/local")

    assert removed.returncode == 0, removed.stderr
    assert sorted(path for path in tmp_path.rglob("*") if not path.is_dir()) == sorted(others)
    assert not (units / "drift-telemetry@staging.socket.d").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name the instance"),
        (("ENV=../x",), "name the instance"),
        (("ENV=canary",), "choose a port that no other instance has"),
        (("ENV=staging", "EXTRAS=query,clickhouse"), "there is no extra clickhouse: choose parquet, query or both"),
    ],
)
def test_an_installation_that_lacks_something_says_what(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    made = make("install", f"DESTDIR={tmp_path}", *arguments)

    assert made.returncode != 0
    assert re.search(f"^install: {sentence}", made.stderr, re.MULTILINE)
    assert not list(tmp_path.iterdir())


def test_an_address_in_the_settings_is_refused_where_the_socket_unit_decides(tmp_path: Path) -> None:
    settings = tmp_path / "etc/drift-telemetry/staging.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("TELEMETRY_PORT = 9000\n")
    python = tmp_path / "python"
    # As this Python, but in a place that a service can reach.
    write_program(python, f'[ "$1" != -c ] || exec echo /usr/bin/python3; exec {sys.executable} "$@"')
    made = make("install", "ENV=staging", f"DESTDIR={tmp_path}", f"PYTHON={python}")

    assert made.returncode != 0
    assert "staging.env sets TELEMETRY_PORT or TELEMETRY_HOST, and the socket unit decides" in made.stderr
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [settings, python]


def test_a_python_in_a_home_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    root, python = tmp_path / "root", tmp_path / "bin/python"
    write_program(python, "echo /home/somebody/.pyenv/versions/3.12.1/bin/python3.12")
    made = make("install", "ENV=production", f"DESTDIR={root}", f"PYTHON={python}")

    assert made.returncode != 0
    assert "/bin/python3.12 cannot be reached by the service: give PYTHON=/usr/bin/python3" in made.stderr
    assert not root.exists()


def test_an_upgrade_that_fails_leaves_what_is_there(tmp_path: Path) -> None:
    root, python = tmp_path / "root", tmp_path / "python"
    releases, current = root / "opt/drift-telemetry/releases", root / "opt/drift-telemetry/current"
    (releases / "20260101T000000Z").mkdir(parents=True)
    current.symlink_to("/opt/drift-telemetry/releases/20260101T000000Z")
    write_program(python, 'mkdir -p "$3/bin" && exit 1')
    made = make("install", "ENV=production", f"DESTDIR={root}", f"PYTHON={python}")

    assert made.returncode != 0
    assert [path.name for path in releases.iterdir()] == ["20260101T000000Z"]
    assert current.readlink() == Path("/opt/drift-telemetry/releases/20260101T000000Z")
    assert not (root / "etc").exists()
