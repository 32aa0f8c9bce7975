"""Headers in which proxies name their clients: lists of addresses, and ``Forwarded`` of RFC 7239.

Readers take the lines of a header and yield its hops, the one that the nearest proxy wrote first. A hop is an address,
or None where a proxy hides it or wrote anything else.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from telemetry.networks.addresses import parse_address, parse_hop

HopReader = Callable[[Sequence[str]], Iterator[bytes | None]]

# Chains of proxies are not longer; headers of strangers may be.
HOPS_MAX = 16

_NAME_LENGTH_MAX = 64
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAME = re.compile(_TOKEN)
# One parameter, if there is one, and what ends it. Nothing can match in two ways, so the time is linear.
_PAIR = re.compile(rf'[ \t]*+(?:({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]|\\.)*+)"))?+[ \t]*+([;,]|\Z)', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
# A port may be hidden, too. An IPv6 address is always in brackets.
_NODE = re.compile(r"(?:\[([^]]*:[^]]*)\]|([0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")


def hop_reader(header: str) -> HopReader:
    """Return what reads a header of this name; raises ``ValueError`` if a header cannot have it."""
    if len(header) > _NAME_LENGTH_MAX or not _NAME.fullmatch(header):
        raise ValueError(f"{header[:_NAME_LENGTH_MAX]!r} is not the name of a header")
    return read_forwarded if header.lower() == "forwarded" else read_list


def read_list(lines: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the hops of a list such as ``X-Forwarded-For``; a header of one address is a list of one."""
    for text in reversed(",".join(lines).rsplit(",", HOPS_MAX)[-HOPS_MAX:]):
        yield parse_hop(text.strip())


def read_forwarded(lines: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the hops of ``Forwarded``. A malformed line hides whatever it says, and the lines before it."""
    yield from islice(_forwarded_hops(lines), HOPS_MAX)


def _forwarded_hops(lines: Sequence[str]) -> Iterator[bytes | None]:
    for line in reversed(lines):
        elements = _elements(line)
        if elements is None:
            yield None
            return
        for element in reversed(elements):
            yield _parse_node(element.get("for", ""))


def _elements(line: str) -> list[dict[str, str]] | None:
    """Return the parameters of each proxy by their names in lower case, or None if a line is malformed."""
    elements: list[dict[str, str]] = [{}]
    position, end = 0, ";"
    while end:
        found = _PAIR.match(line, position)
        if found is None:
            return None
        name, token, quoted, end = found.groups()
        if name is not None:
            if name.lower() in elements[-1]:
                return None
            elements[-1][name.lower()] = token if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
        if end == ",":
            elements.append({})
        position = found.end()
    return [element for element in elements if element]


def _parse_node(node: str) -> bytes | None:
    found = _NODE.fullmatch(node)
    return parse_address(found[1] or found[2]) if found else None
