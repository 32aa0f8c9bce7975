from collections.abc import Iterator

import pytest

from tests.support.clickhouse import (
    CURRENT_PYTHON,
    ClickHouseCluster,
    CurrentEngine,
    clickhouse_cluster,
    current_engine,
    missing_packages,
)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseCluster]:
    """A running cluster; each test has a database of its own there."""
    if (package := missing_packages()) is not None:
        pytest.skip(f"needs the Debian package {package}")
    with clickhouse_cluster(tmp_path_factory.mktemp("clickhouse")) as cluster:
        yield cluster


@pytest.fixture(scope="session", params=["cluster", "current"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClickHouseCluster | CurrentEngine]:
    """Debian's server as a cluster, then the current engine as one server."""
    if request.param == "cluster":
        yield request.getfixturevalue("clickhouse")
        return
    if not CURRENT_PYTHON.exists():
        pytest.skip("needs the environment that make test-cluster makes")
    with current_engine(tmp_path_factory.mktemp("current")) as current:
        yield current
