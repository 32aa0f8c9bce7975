import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.commands import succeed
from tests.support.old_worker import EXPORT

settings.register_profile("service", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("service")


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
