from ipaddress import ip_address

import pytest

from telemetry.networks.addresses import Networks, client_network, parse_address, parse_hop
from telemetry.networks.forwarded import read_list
from telemetry.web import clients

PROXIES = Networks("127.0.0.1/32, ::1/128, 10.0.0.0/8, 2001:db8:ffff::/48,")
NOBODY = Networks("")


def find_client(peer: str | None, lines: list[str], trusted: Networks) -> bytes:
    """Return the network of a client whose proxies write X-Forwarded-For."""
    return client_network(clients.find_client(peer, read_list(lines), trusted))


def network(address: str) -> bytes:
    return ip_address(address).packed[:8]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits(one: str, other: str, same: bool) -> None:
    assert (find_client(one, [], NOBODY) == find_client(other, [], NOBODY)) is same


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.1", "::1", "2001:db8::1"])
def test_a_header_from_a_peer_that_is_not_trusted_is_ignored(peer: str) -> None:
    assert find_client(peer, ["198.51.100.7"], NOBODY) == network(peer)
    assert find_client("11.0.0.1", ["198.51.100.7"], PROXIES) == network("11.0.0.1")


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.255.0.1", "2001:db8:ffff:1::5", ""])
@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9,198.51.100.7 ,\t10.1.1.1, ::1"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::7]"], "2001:db8::7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, unknown, 10.1.1.1"], "10.1.1.1"),
        (["198.51.100.7,, 10.1.1.1"], "10.1.1.1"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        (["198.51.100.7, " + "10.1.1.1, " * 15 + "10.1.1.1"], "10.1.1.1"),
        (["198.51.100.7, " + "10.1.1.1, " * 14 + "10.1.1.1"], "198.51.100.7"),
    ],
)
def test_behind_trusted_proxies_the_client_is_the_rightmost_hop_that_is_not_one(
    peer: str, lines: list[str], client: str
) -> None:
    assert find_client(peer, lines, PROXIES) == network(client)


@pytest.mark.parametrize(
    "hop", ["", "unknown", "_hidden", "198.51.100.7:port", "198.51.100.7.", "1.2.3", "[::1", "::1]", "[]", "::g", "\0",
            "\udcff", "[198.51.100.7]x", "198.51.100.7:1:2", "0198.051.0100.07", "a" * 8_000],
)  # fmt: skip
def test_a_hop_that_is_no_address_leaves_the_trusted_peer_as_the_client(hop: str) -> None:
    assert find_client("127.0.0.1", [f"203.0.113.9, {hop}"], PROXIES) == network("127.0.0.1")
    assert parse_hop(hop) is None


def test_peers_without_an_address_share_one_allowance_unless_they_are_proxies() -> None:
    assert find_client("", [], NOBODY) == find_client("/run/client", [], NOBODY) == b""
    assert find_client("", ["198.51.100.7"], NOBODY) == network("198.51.100.7")


def test_a_connection_lost_before_its_peer_was_known_is_nobodys_proxy() -> None:
    assert find_client(None, ["198.51.100.7"], PROXIES) == b""


def test_ipv4_and_ipv6_networks_do_not_mix() -> None:
    everything_of_ipv6 = Networks("::/0")

    for address, inside in (("::1", True), ("2001:db8::1", True), ("0.0.0.1", False), ("::ffff:192.0.2.1", False)):
        packed = parse_address(address)
        assert packed is not None
        assert (packed in everything_of_ipv6) is inside


@pytest.mark.parametrize(
    "text", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "::1/129", "127.0.0.1 ::1", "::ffff:a00:0/104"]
)
def test_what_is_not_a_list_of_networks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Networks(text)
