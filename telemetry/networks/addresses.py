"""Network addresses as bytes: 4 of IPv4, 16 of IPv6; IPv4 written as IPv6 is IPv4."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton

_MAPPED = bytes(10) + b"\xff\xff"
# IPv6 ends with the network's part: whoever has one address has all that differ in the other half.
_NETWORK_BYTES = 8
_WITH_PORT = re.compile(r"(?:\[([^]]+)\]|([^:[\]]+))(?::\d{1,5})?")


class Networks:
    """A set of networks, read from a list such as ``127.0.0.1/32, ::1/128``; raises ``ValueError`` if it is not one."""

    def __init__(self, text: str) -> None:
        networks = [ip_network(part) for item in text.split(",") if (part := item.strip())]
        self._prefixes = [_prefix(network) for network in networks]
        # Proxies mostly have one address each: they are found without arithmetic.
        self._addresses = {network.network_address.packed for network in networks}

    def __contains__(self, address: bytes) -> bool:
        if address in self._addresses:
            return True
        if not self._prefixes:
            return False
        number = int.from_bytes(address, "big")
        return any(len(address) == length and number >> shift == prefix for length, shift, prefix in self._prefixes)


def parse_address(text: str) -> bytes | None:
    """Return an address, or None if the text is anything else."""
    host = text.partition("%")[0]
    try:
        address = inet_pton(AF_INET6 if ":" in host else AF_INET, host)
    except (OSError, ValueError):
        return None
    return address.removeprefix(_MAPPED)


def parse_hop(text: str) -> bytes | None:
    """Return an address that may stand in brackets and before a port, as proxies write it."""
    found = _WITH_PORT.fullmatch(text)
    return parse_address((found[1] or found[2]) if found else text)


def client_network(address: bytes) -> bytes:
    """Return what one client has for itself: an IPv4 address, or an IPv6 network of 64 bits."""
    return address[:_NETWORK_BYTES]


def _prefix(network: IPv4Network | IPv6Network) -> tuple[int, int, int]:
    """Return how long addresses are, how many bits of them do not matter, and the bits that do."""
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError(f"{str(network)!r} is IPv4 written as IPv6")
    shift = network.max_prefixlen - network.prefixlen
    return network.max_prefixlen // 8, shift, int(network.network_address) >> shift
