from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("service", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("service")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "data"
