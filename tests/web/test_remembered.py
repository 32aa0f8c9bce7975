"""What an address asks is read once for as long as it is asked often."""

from collections import Counter

import pytest

from telemetry.web.remembered import ADDRESSES_MAX, LENGTH_MAX, remembered


def test_short_addresses_are_read_once_and_long_ones_each_time() -> None:
    read: Counter[str] = Counter()

    @remembered
    def length(path: str, query: str, factor: int) -> int:
        read[path + query] += 1
        return factor * len(path + query)

    long = "q" * (LENGTH_MAX - 1)
    for _ in range(3):
        assert length("/a", "b", 2) == 6
        assert length("/a", long, 2) == 2 * (LENGTH_MAX + 1)
    assert read == {"/ab": 1, "/a" + long: 3}


def test_what_is_refused_is_not_remembered_and_no_more_than_the_bound_is() -> None:
    read: Counter[str] = Counter()

    @remembered
    def same(path: str, query: str) -> str:
        read[path] += 1
        if query:
            raise ValueError("refused")
        return path

    for _ in range(2):
        with pytest.raises(ValueError, match="refused"):
            same("/refused", "wrong")
    for number in range(ADDRESSES_MAX + 1):
        same(f"/{number}", "")
    same("/0", "")
    same(f"/{ADDRESSES_MAX}", "")
    assert (read["/refused"], read["/0"], read[f"/{ADDRESSES_MAX}"]) == (2, 2, 1)
