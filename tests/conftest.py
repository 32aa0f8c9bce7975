import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.case_report import CaseReport, choose_seed, seed
from tests.support.commands import succeed
from tests.support.old_worker import EXPORT
from tests.support.processes import end_preloaded

# Every run draws other examples, so many short runs find what one long run does.
settings.register_profile("short", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("short"), max_examples=60)
settings.load_profile("short")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="run in bounded time and print the table of fault cases")


def pytest_configure(config: pytest.Config) -> None:
    # A shell makes what it runs in the background deaf to Ctrl-C, and that is inherited; tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    choose_seed(long=config.getoption("--torture"))
    if config.getoption("--torture"):
        settings.load_profile("long")
    config.pluginmanager.register(CaseReport(config))


def pytest_unconfigure() -> None:
    end_preloaded()


@pytest.fixture(name="seed")
def seed_of_the_run() -> int:
    """What everything random in a test derives from."""
    return seed()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """A folder of backups that does not exist yet."""
    return tmp_path / "backups"


@pytest.fixture
def imported(data_dir: Path) -> Path:
    """A data directory with one day of events, no service running."""
    succeed("import", "d1", EXPORT, "--data-dir", data_dir)
    long_ago = time.time() - 60
    for path in (data_dir / "telemetry.db", *data_dir.glob("events/*.db")):
        os.utime(path, (long_ago, long_ago))
    return data_dir
