"""How the address of a cluster is read."""

from pathlib import Path

import pytest

from telemetry.cluster.address import ClusterAddress, ServerAddress
from telemetry.operator_errors import SettingsError


def test_an_address_names_servers_a_user_a_database_and_a_cluster() -> None:
    found = ClusterAddress.parse("clickhouse://drift@ch1:8124,[::1],ch2/numbers?cluster=main&secure=yes&ca=/etc/ca.pem")

    assert found.servers == (ServerAddress("ch1", 8124), ServerAddress("::1", 8443), ServerAddress("ch2", 8443))
    assert (found.user, found.database, found.cluster) == ("drift", "numbers", "main")
    assert (found.secure, found.ca) == (True, Path("/etc/ca.pem"))
    assert [str(server) for server in found.servers] == ["ch1:8124", "[::1]:8443", "ch2:8443"]


def test_what_an_address_leaves_out_has_a_default() -> None:
    expected = ((ServerAddress("ch1", 8123),), "default", "drift", "", False, None)
    assert ClusterAddress.parse("clickhouse://ch1") == expected


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://ch1:8123", "is not an address such as clickhouse://"),
        ("", "is not an address such as clickhouse://"),
        ("clickhouse://", "server ''"),
        ("clickhouse://ch1:99999", "server 'ch1:99999'"),
        ("clickhouse://ch1:0", "server 'ch1:0'"),
        ("clickhouse://ch1,,ch2", "server ''"),
        ("clickhouse://ch1 ch2", "server 'ch1 ch2'"),
        ("clickhouse://ch1/a'b", 'database "a\'b"'),
        ("clickhouse://ch1/d?cluster=a-b", "cluster 'a-b'"),
        ("clickhouse://ch1/d?clutser=a", "option 'clutser'"),
        ("clickhouse://ch1/d?secure=1", "secure=1"),
        ("clickhouse://ch1/d#part", "is not an address"),
        ("clickhouse://[::1/d", "is not an address"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(address: str, said: str) -> None:
    with pytest.raises(SettingsError, match="setting cluster: ") as refused:
        ClusterAddress.parse(address)
    assert said in str(refused.value)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        ClusterAddress.parse("clickhouse://drift:secret@ch1/drift")
    assert "secret" not in str(refused.value)
    assert "credential cluster_password" in str(refused.value)
