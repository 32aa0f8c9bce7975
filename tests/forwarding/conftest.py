from collections.abc import Iterator

import pytest

from tests.support.clickhouse import ClickHouseCluster, clickhouse_cluster, missing_packages


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseCluster]:
    """A running cluster; each test has a database of its own there."""
    if (package := missing_packages()) is not None:
        pytest.skip(f"needs the Debian package {package}")
    with clickhouse_cluster(tmp_path_factory.mktemp("clickhouse")) as cluster:
        yield cluster
