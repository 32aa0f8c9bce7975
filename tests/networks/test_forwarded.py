"""The header ``Forwarded`` of RFC 7239: well-formed, hidden, malformed, hostile."""

import time
from ipaddress import IPv4Address, IPv6Address
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.networks.addresses import client_network
from telemetry.networks.forwarded import HOPS_MAX, read_forwarded, read_list
from telemetry.web.clients import find_client
from tests.web.test_clients import PROXIES, network

_PIECES = [
    "for=",
    "For=",
    "by=",
    '"',
    "\\",
    "[",
    "]",
    "::1",
    "10.1.1.1",
    "198.51.100.7",
    ":80",
    "_x",
    "unknown",
    ";",
    ",",
    "=",
]


def find_forwarded(peer: str, lines: list[str]) -> bytes:
    """Return the network of a client whose proxies write Forwarded."""
    return client_network(find_client(peer, read_forwarded(lines), PROXIES))


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["for=198.51.100.7"], "198.51.100.7"),
        (["for=203.0.113.9, for=198.51.100.7"], "198.51.100.7"),
        (["for=203.0.113.9", "for=198.51.100.7"], "198.51.100.7"),
        (["for=203.0.113.9", "for=198.51.100.7, for=10.2.2.2", 'for="[::1]"'], "198.51.100.7"),
        (["For=198.51.100.7;Proto=https;BY=203.0.113.43;host=telemetry.example.org"], "198.51.100.7"),
        (["by=203.0.113.43;FOR=198.51.100.7"], "198.51.100.7"),
        (["proto=http; for=198.51.100.7 ;\thost=a"], "198.51.100.7"),
        ([";for=198.51.100.7;,, ,"], "198.51.100.7"),
        (['for="198.51.100.7"'], "198.51.100.7"),
        (['for="198.51.100.7:4711"'], "198.51.100.7"),
        (['for="198.51.100.7:_port"'], "198.51.100.7"),
        ([r'for="\198.51.100.\7"'], "198.51.100.7"),
        (['for="[2001:db8::7]"'], "2001:db8::7"),
        (['For="[2001:DB8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        (['for="[2001:db8::7]:_p.o-r_t"'], "2001:db8::7"),
        (['for="[::ffff:198.51.100.7]"'], "198.51.100.7"),
        (['for=198.51.100.7;by="a, for=203.0.113.9;\\"", for=10.1.1.1'], "198.51.100.7"),
        (["for=198.51.100.7, " + "for=10.1.1.1, " * 15 + "for=10.1.1.1"], "10.1.1.1"),
        (["for=198.51.100.7, " + "for=10.1.1.1, " * 14 + "for=10.1.1.1"], "198.51.100.7"),
    ],
)
def test_behind_trusted_proxies_that_write_forwarded_the_client_is_the_rightmost_hop_that_is_not_one(
    lines: list[str], client: str
) -> None:
    assert find_forwarded("127.0.0.1", lines) == network(client)
    assert find_forwarded("192.0.2.1", lines) == network("192.0.2.1")


@pytest.mark.parametrize(
    "node", ["unknown", "Unknown", "_hidden", '"_hidden:_port"', '"unknown:80"', '""', '"2001:db8::7"',
             '"[198.51.100.7]"', '"198.51.100.7:port"', '"198.51.100.7:123456"', '"198.51.100.7 "', '"[::1"', '"[::g]"',
             "1.2.3", "0198.051.0100.07", "localhost"],
)  # fmt: skip
def test_a_forwarded_hop_that_hides_leaves_the_proxy_that_hid_it_as_the_client(node: str) -> None:
    assert find_forwarded("127.0.0.1", [f"for=203.0.113.9, for={node}"]) == network("127.0.0.1")
    assert find_forwarded("127.0.0.1", [f"for=203.0.113.9, for={node}, for=10.1.1.1"]) == network("10.1.1.1")


def test_a_proxy_that_does_not_name_whom_it_speaks_for_hides_them() -> None:
    assert find_forwarded("127.0.0.1", ["for=203.0.113.9, proto=https;by=10.1.1.1"]) == network("127.0.0.1")


@pytest.mark.parametrize(
    "line", ["198.51.100.7", "for", "for=", "=198.51.100.7", "for = 198.51.100.7", "for= 198.51.100.7", "for=[::1]",
             "for=198.51.100.7:80", "for=2001:db8::7", 'for="198.51.100.7', 'for="198.51.100.7\\"', "for='[::1]'",
             'for="198.51.100.7"x', "for=198.51.100.7 proto=http", "for=198.51.100.7;for=203.0.113.9",
             "for=198.51.100.7,x", "f\u00f6r=198.51.100.7", "for=198.51.100.7\0", "for=198.51.100.7\n", "\udcff"],
)  # fmt: skip
def test_a_malformed_line_of_forwarded_is_as_if_absent_and_so_are_those_before_it(line: str) -> None:
    assert find_forwarded("127.0.0.1", [line]) == network("127.0.0.1")
    assert find_forwarded("127.0.0.1", ["for=203.0.113.9", line]) == network("127.0.0.1")
    assert find_forwarded("127.0.0.1", [line, "for=198.51.100.7"]) == network("198.51.100.7")
    assert find_forwarded("127.0.0.1", [line, "for=10.1.1.1"]) == network("10.1.1.1")


@given(
    st.lists(st.one_of(st.text(max_size=20), st.lists(st.sampled_from([*_PIECES, *" ;,="])).map("".join)), max_size=4)
)
def test_whatever_proxies_write_is_read_and_yields_addresses_or_nothing(lines: list[str]) -> None:
    for read in (read_forwarded, read_list):
        hops = list(read(lines))
        assert len(hops) <= HOPS_MAX
        assert all(hop is None or len(hop) in {4, 16} for hop in hops)


@given(st.lists(st.tuples(st.ip_addresses(), st.booleans()), min_size=1, max_size=HOPS_MAX))
def test_what_forwarded_says_is_what_the_list_says(chain: list[tuple[IPv4Address | IPv6Address, bool]]) -> None:
    named = [f"[{address}]" if address.version == 6 else str(address) for address, _ in chain]
    ports = [":4711" if has_port else "" for _, has_port in chain]
    listed = ", ".join(map(add, named, ports))
    forwarded = ",".join(f'for="{name}{port}";proto=https' for name, port in zip(named, ports, strict=True))

    assert list(read_forwarded([forwarded])) == list(read_list([listed]))


def reading_cost_s(line: str) -> float:
    """Return the processor time that reading a line takes, undisturbed: the least of several times."""
    costs = []
    for _ in range(5):
        started = time.process_time()
        list(read_forwarded([line] * 4))
        costs.append(time.process_time() - started)
    return min(costs)


@pytest.mark.parametrize(
    ("start", "repeated"), [("", " "), ("for=", "a"), ('for="', "\\"), ("", ";"), ("", "a"), ("", 'a="'), ("a=b", " ")]
)
def test_a_line_takes_time_in_proportion_to_its_length(start: str, repeated: str) -> None:
    short, long = (reading_cost_s(start + repeated * count + "x") for count in (2_000, 16_000))

    # In proportion it is 8 times as much, and 64 times if the time grows with the square of the length.
    assert long < 24 * short + 0.001
