from telemetry.duplicates import DuplicateWindow


def test_an_event_is_a_duplicate_until_its_time_is_over() -> None:
    window = DuplicateWindow(seconds=600, events_max=100)
    window.remember([1, 2], accepted_at=0)

    window.forget(now=600)
    assert 1 in window
    window.forget(now=600.1)
    assert 1 not in window
    assert len(window) == 0


def test_the_window_keeps_at_least_its_number_of_events_and_forgets_the_oldest_group_first() -> None:
    window = DuplicateWindow(seconds=600, events_max=4)
    for group in ([1, 2], [3, 4], [5, 6]):
        window.remember(group, accepted_at=0)

    assert [digest for digest in range(1, 7) if digest in window] == [3, 4, 5, 6]


def test_a_group_larger_than_the_window_is_remembered_whole_until_the_next() -> None:
    window = DuplicateWindow(seconds=600, events_max=2)
    window.remember([1, 2, 3], accepted_at=0)
    assert 1 in window

    window.remember([4, 5], accepted_at=0)
    assert [digest for digest in range(1, 6) if digest in window] == [4, 5]
