"""The resend window by itself: it holds what it promises, little more, and is small."""

import sys
from array import array

from hypothesis import given
from hypothesis import strategies as st

from telemetry.intake.resends import _BUCKET_EVENTS_MAX, ResendWindow, _is_in

DIGESTS = st.integers(-(2**63), 2**63 - 1)
INSTALLATIONS = st.sampled_from(["a", "b", "c"])
EVENTS = st.lists(st.tuples(DIGESTS, INSTALLATIONS), max_size=8)


def add(window: ResendWindow, events: list[tuple[int, str]], accepted_at: float) -> None:
    window.add([digest for digest, _ in events], [installation for _, installation in events], accepted_at)


def among(window: ResendWindow, events: list[tuple[int, str]]) -> set[int]:
    return window.among([digest for digest, _ in events], [installation for _, installation in events])


@given(st.lists(EVENTS), st.integers(1, 30), EVENTS)
def test_the_last_events_are_known_and_none_that_never_came(
    groups: list[list[tuple[int, str]]], events_max: int, others: list[tuple[int, str]]
) -> None:
    window = ResendWindow(seconds=1_000, events_max=events_max)
    came: list[tuple[int, str]] = []
    for number, group in enumerate(groups):
        add(window, group, accepted_at=number)
        came += group
        assert among(window, came[-events_max:]) == {digest for digest, _ in came[-events_max:]}
        # Each of four generations may be too full by a group.
        assert len(window) <= 4 * (-(-events_max // 3) + 7)

    assert not among(window, others) - {digest for digest, _ in came}


@given(st.lists(st.integers(1, 700), min_size=1, max_size=6), st.integers(1, 60))
def test_an_installation_with_very_many_events_is_known_whole_and_makes_no_large_bucket(
    sizes: list[int], batch_events: int
) -> None:
    window = ResendWindow(seconds=1_000, events_max=30_000)
    events = [(hash((size, number)), "a") for size in sizes for number in range(size)]
    for first in range(0, len(events), batch_events):
        add(window, events[first : first + batch_events], accepted_at=0)

    for first in range(0, len(events), batch_events):
        batch = events[first : first + batch_events]
        assert among(window, batch) == {digest for digest, _ in batch}
    never = [(hash((0, number)), "a") for number in range(batch_events)]
    assert among(window, never) == set()
    largest = max(len(bucket) for generation in window._generations for bucket in generation.buckets)
    assert largest <= _BUCKET_EVENTS_MAX + 120


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
    window = ResendWindow(seconds=100, events_max=3)
    events = [(number, "a") for number in range(3)]
    for number, event in enumerate(events):
        add(window, [event], accepted_at=number)

    window.forget(now=101)
    assert among(window, events) == {1, 2}
    window.forget(now=103)
    assert len(window) == 0
    assert among(window, events) == set()


def test_a_window_of_no_days_or_of_no_events_remembers_nothing() -> None:
    for window in (ResendWindow(seconds=0, events_max=7), ResendWindow(seconds=100, events_max=0)):
        add(window, [(1, "a"), (2, "a")], accepted_at=0)
        window.forget(now=0)

        assert among(window, [(1, "a"), (2, "a")]) == set()
        assert len(window) == 0
        # So a start reads back no more than the duplicate window needs.
        assert (window.seconds, window.events_max) == (0, 0)


def test_an_event_costs_less_than_16_bytes_when_the_window_is_as_full_as_it_gets() -> None:
    window = ResendWindow(seconds=100, events_max=100_000)
    for first in range(0, 300_000, 50):
        add(window, [(hash((number,)), str(first)) for number in range(first, first + 50)], accepted_at=0)

    buckets = [bucket for generation in window._generations for bucket in generation.buckets]
    assert sum(map(sys.getsizeof, buckets)) / window.events_max < 16
