from collections import deque
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from telemetry.intake.duplicates import CLOCK_SKEW_S, DuplicateWindow
from telemetry.intake.resends import ResendWindow

OFF = ResendWindow(seconds=0, events_max=0)


def remember(window: DuplicateWindow, digests: Sequence[int], accepted_at: float) -> None:
    window.remember(digests, ["a"] * len(digests), accepted_at)


def test_an_event_is_a_duplicate_until_its_time_is_over() -> None:
    window = DuplicateWindow(seconds=600, events_max=100, older=OFF)
    remember(window, [1, 2], accepted_at=0)

    window.forget(now=600)
    assert 1 in window
    window.forget(now=600.1)
    assert 1 not in window
    assert len(window) == 0


def test_the_window_keeps_at_least_its_number_of_events_and_forgets_the_oldest_group_first() -> None:
    window = DuplicateWindow(seconds=600, events_max=4, older=OFF)
    for group in ([1, 2], [3, 4], [5, 6]):
        remember(window, group, accepted_at=0)

    assert [digest for digest in range(1, 7) if digest in window] == [3, 4, 5, 6]


def test_a_group_larger_than_the_window_is_remembered_whole_until_the_next() -> None:
    window = DuplicateWindow(seconds=600, events_max=2, older=OFF)
    remember(window, [1, 2, 3], accepted_at=0)
    assert 1 in window

    remember(window, [4, 5], accepted_at=0)
    assert [digest for digest in range(1, 6) if digest in window] == [4, 5]


def test_after_a_quiet_while_events_leave_some_thousand_at_a_time() -> None:
    window = DuplicateWindow(seconds=600, events_max=100_000, older=OFF)
    for first in range(0, 40_000, 1_000):
        remember(window, range(first, first + 1_000), accepted_at=0)

    window.forget(now=601)
    assert 30_000 < len(window) < 32_000
    for _ in range(5):
        window.forget(now=601)
    assert len(window) == 0


def test_what_has_left_is_known_for_events_that_occurred_before_it_left() -> None:
    window = DuplicateWindow(seconds=600, events_max=100, older=ResendWindow(seconds=10_000, events_max=100))
    remember(window, [1, 2], accepted_at=1_000)
    remember(window, [3], accepted_at=1_601)

    assert window.known([1, 2, 3, 4], lambda: ["a"] * 4, 1_001 + CLOCK_SKEW_S) == {1, 2, 3}
    assert window.known([1, 2, 3, 4], lambda: ["a"] * 4, 1_002 + CLOCK_SKEW_S) == {3}


@given(st.lists(st.tuples(st.integers(1, 7), st.integers(0, 4))), st.integers(1, 20))
def test_the_window_holds_what_a_plain_list_of_groups_would(steps: list[tuple[int, int]], events_max: int) -> None:
    window = DuplicateWindow(seconds=6, events_max=events_max, older=OFF)
    groups: deque[tuple[int, list[int]]] = deque()
    now = given_out = 0
    for size, waited in steps:
        now += waited
        group = list(range(given_out, given_out + size))
        given_out += size
        remember(window, group, accepted_at=now)
        groups.append((now, group))
        while groups and (groups[0][0] < now - 6 or sum(len(each) for _, each in list(groups)[1:]) >= events_max):
            groups.popleft()

        held = {digest for _, each in groups for digest in each}
        assert len(window) == len(held)
        assert {digest for digest in range(given_out) if digest in window} == held
        assert all(window.isdisjoint([digest]) == (digest not in held) for digest in range(given_out))
