"""The resend window by itself: it holds what it promises, little more, and is small."""

import sys
from array import array

from hypothesis import given
from hypothesis import strategies as st

from telemetry.resends import ResendWindow, _is_in

DIGESTS = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.lists(DIGESTS, min_size=1, max_size=6)), st.integers(1, 30), st.lists(DIGESTS))
def test_the_last_events_are_known_and_none_that_never_came(
    groups: list[list[int]], events_max: int, others: list[int]
) -> None:
    window = ResendWindow(seconds=1_000, events_max=events_max)
    came: list[int] = []
    for number, group in enumerate(groups):
        window.add(group, accepted_at=number)
        came += group
        assert set(window.among(came[-events_max:])) == set(came[-events_max:])
        # Each of eight generations may be too full by a group.
        assert len(window) <= 8 * (-(-events_max // 7) + 5)

    assert not set(window.among(others)) - set(came)


@given(st.lists(DIGESTS), DIGESTS)
def test_a_digest_is_found_in_a_bucket_only_where_one_begins(held: list[int], wanted: int) -> None:
    bucket = array("q", held).tobytes()

    assert _is_in(bucket, array("q", [wanted]).tobytes()) == (wanted in held)


def test_two_neighbours_that_look_like_a_third_digest_are_not_taken_for_it() -> None:
    wanted = bytes(range(1, 9))
    neighbours = b"\0" + wanted + b"\0" * 7

    assert not _is_in(neighbours, wanted)
    assert _is_in(neighbours + wanted, wanted)
    assert _is_in(wanted + neighbours, wanted)


def test_events_leave_when_the_newest_of_their_generation_is_too_old() -> None:
    window = ResendWindow(seconds=100, events_max=7)
    for number in range(3):
        window.add([number], accepted_at=number)

    window.forget(now=101)
    assert set(window.among(range(3))) == {1, 2}
    window.forget(now=103)
    assert len(window) == 0
    assert set(window.among(range(3))) == set()


def test_a_window_of_no_days_or_of_no_events_remembers_nothing() -> None:
    for window in (ResendWindow(seconds=0, events_max=7), ResendWindow(seconds=100, events_max=0)):
        window.add([1, 2], accepted_at=0)
        window.forget(now=0)

        assert list(window.among([1, 2])) == []
        assert len(window) == 0
        # So a start reads back no more than the duplicate window needs.
        assert (window.seconds, window.events_max) == (0, 0)


def test_an_event_costs_less_than_16_bytes_when_the_window_is_as_full_as_it_gets() -> None:
    window = ResendWindow(seconds=100, events_max=100_000)
    for first in range(0, 300_000, 1_000):
        window.add([hash((number,)) for number in range(first, first + 1_000)], accepted_at=0)

    buckets = [bucket for generation in window._generations for bucket in generation.buckets]
    assert (sum(map(sys.getsizeof, buckets)) + sys.getsizeof(window._marks)) / window.events_max < 16
