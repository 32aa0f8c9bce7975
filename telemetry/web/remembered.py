"""Remembering what addresses ask: few are asked often, and to read one costs as much as to answer it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Concatenate, ParamSpec, TypeVar

# Of each kind of address: more than a site links to, and at most some hundred kilobytes.
ADDRESSES_MAX = 512
LENGTH_MAX = 256

_Others = ParamSpec("_Others")
_Read = TypeVar("_Read")
_Reader = Callable[Concatenate[str, str, _Others], _Read]


def remembered(read: _Reader[_Others, _Read]) -> _Reader[_Others, _Read]:
    """Return what reads addresses, by path and query, and remembers the last ``ADDRESSES_MAX`` that are not long."""
    known = lru_cache(maxsize=ADDRESSES_MAX)(read)

    def reading(path: str, query: str, /, *others: _Others.args, **named: _Others.kwargs) -> _Read:
        if len(path) + len(query) > LENGTH_MAX:
            return read(path, query, *others, **named)
        # What is read is told apart by constants, all of which have a hash.
        return known(path, query, *others, **named)  # type: ignore[arg-type]

    return reading
