import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.event import OtherEvent
from telemetry.catalogue.events import PatternSignature, UserAction
from telemetry.counting.aggregates import confidence_bucket
from telemetry.counting.counters import Appended, Counters
from telemetry.counting.day_labels import DAYS_REMEMBERED, DayLabels
from telemetry.counting.deltas import Delta
from tests.support.strategies import any_events, events_of

Groups = list[tuple[str, str, list[Any]]]
DAYS = ("2026-11-22", "2026-11-23", "2026-11-24")


def count(groups: Groups, *, labels_max: int = 1_000) -> Counters:
    """Count groups of events as if each had been appended to the segment of its day."""
    counters = Counters(DayLabels(labels_max=labels_max))
    last_ids = dict.fromkeys(DAYS, 0)
    for day, received_at, events in groups:
        ids = range(last_ids[day] + 1, last_ids[day] + 1 + len(events))
        last_ids[day] += len(events)
        counters.add(Appended(day, received_at, ids, events))
    return counters


groups_of_events = st.lists(
    st.sampled_from(DAYS).flatmap(
        lambda day: st.tuples(
            st.just(day), st.sampled_from([f"{day} 00:00:00", f"{day} 12:00:00"]), st.lists(any_events(), max_size=6)
        )
    ),
    max_size=8,
)


@given(groups_of_events)
def test_any_split_of_events_into_batches_gives_equal_counters(groups: Groups) -> None:
    single: Groups = [(day, received_at, [event]) for day, received_at, events in groups for event in events]

    assert count(groups).drain() == count(single).drain()


@given(groups_of_events)
def test_events_that_a_replay_has_counted_meanwhile_are_not_counted_again(groups: Groups) -> None:
    counters = count(groups)
    last_ids = {day: counters.counted(day) for day in DAYS}
    for day, received_at, events in groups:
        counters.add(Appended(day, received_at, range(last_ids[day] + 1 - len(events), last_ids[day] + 1), events))

    assert counters.drain() == count(groups).drain()


@given(groups_of_events)
def test_drain_merge_drain_is_the_identity(groups: Groups) -> None:
    counters = count(groups)

    drained = counters.drain()
    expected = copy.deepcopy(drained)
    assert not counters.drain()
    counters.merge(drained)

    assert counters.drain() == expected


@given(groups_of_events, st.integers(0, 8), st.booleans())
def test_a_flush_that_fails_in_between_changes_nothing(groups: Groups, at: int, again: bool) -> None:
    counters = count(groups[:at])
    last_ids = {day: counters.counted(day) for day in DAYS}
    drained = counters.drain()
    for day, received_at, events in groups[at:]:
        counters.add(Appended(day, received_at, range(last_ids[day] + 1, last_ids[day] + 1 + len(events)), events))
        last_ids[day] += len(events)
    if again:
        merged = counters.drain()
        counters.merge(merged)
    counters.merge(drained)

    assert counters.drain() == count(groups).drain()


@given(st.lists(events_of(PatternSignature), min_size=1, max_size=20))
def test_sums_are_integers_so_that_averages_are_exact(events: list[Any]) -> None:
    signatures = count([(DAYS[0], f"{DAYS[0]} 12:00:00", events)]).drain().rows["signature_counts"]

    assert sum(signature.occurrence_count for signature in signatures.values()) == len(events)
    assert sum(signature.confidence_millionths for signature in signatures.values()) == sum(
        round(event.confidence * 1_000_000) for event in events
    )


def _event(**changes: Any) -> OtherEvent:
    values = {"type": "new_type", "timestamp": "", "installation_id": "a", "drift_version": "1.0.0"} | changes
    return OtherEvent(**values)


def test_labels_beyond_the_bound_are_counted_together_and_totals_stay_exact() -> None:
    events = [_event(drift_version=f"1.0.{number}") for number in range(100)]
    delta = count([(DAYS[0], f"{DAYS[0]} 12:00:00", events)], labels_max=10).drain()

    versions = {name: value for name, value in delta.daily[DAYS[0]].items() if name.startswith("version:")}
    assert len(versions) == 10
    assert versions["version:other"] == 91
    assert sum(versions.values()) == 100


def test_unknown_event_types_never_crowd_out_known_ones() -> None:
    labels = DayLabels(labels_max=8)
    for number in range(50):
        labels.metric(DAYS[0], "events", f"type_{number}")

    assert labels.metric(DAYS[0], "events", "scan_completion") == "events:scan_completion"
    assert labels.metric(DAYS[0], "events", "type_49") == "events:other"


def test_labels_of_a_day_are_admitted_again_after_a_restart() -> None:
    labels = DayLabels(labels_max=2)
    labels.restore(DAYS[0], ["category:api", "unique_installations"])

    assert labels.metric(DAYS[0], "category", "api") == "category:api"
    assert labels.metric(DAYS[0], "category", "auth") == "category:other"


def test_the_label_other_has_a_name_of_its_own_unless_an_older_program_began_the_day() -> None:
    labels = DayLabels(labels_max=8)
    labels.restore(DAYS[0], ["category:other", "language:py"])
    labels.restore(DAYS[1], ["category:other", "language:other (label)"])
    labels.restore(DAYS[2], [])

    named = [labels.metric(day, "category", "other") for day in DAYS]
    assert named == ["category:other", "category:other (label)", "category:other (label)"]
    assert labels.metric(DAYS[2], "events", "other") == "events:other"


def test_what_is_remembered_of_past_days_is_bounded() -> None:
    counters = Counters(DayLabels(labels_max=100))
    days = [f"2026-11-{number:02}" for number in range(1, DAYS_REMEMBERED + 5)]
    for day in days:
        counters.add(Appended(day, f"{day} 00:00:00", range(1, 2), [_event()]))

    assert counters.counted(days[0]) == 0
    assert all(counters.counted(day) == 1 for day in days[-DAYS_REMEMBERED:])


def test_unknown_installations_are_in_no_count_of_installations() -> None:
    delta = count([(DAYS[0], f"{DAYS[0]} 12:00:00", [_event(installation_id="unknown")])]).drain()

    assert delta.installations == {DAYS[0]: set()}


def test_confidence_buckets_are_drifts_own() -> None:
    assert [confidence_bucket(confidence) for confidence in (0, 0.69, 0.7, 0.84, 0.85, 1)] == [
        "low", "low", "medium", "medium", "high", "high",
    ]  # fmt: skip


def test_negative_hours_are_summed() -> None:
    action = UserAction("", "a", "1.0.0", "approve", "api", 0.9, -5, is_bulk_action=False)
    delta = count([(DAYS[0], f"{DAYS[0]} 12:00:00", [action, action])]).drain()

    (decision,) = delta.rows["action_aggregates"].values()
    assert (decision.count, decision.hours) == (2, -10)


def test_an_empty_delta_is_false_and_has_no_keys() -> None:
    assert not Delta()
    assert Delta().keys == 0


def test_decisions_for_many_patterns_at_once_are_counted() -> None:
    actions = [
        UserAction("", "a", "1.0.0", "approve", "api", 0.9, 5, is_bulk_action=bulk) for bulk in (True, False, True)
    ]
    delta = count([(DAYS[0], f"{DAYS[0]} 12:00:00", actions)]).drain()

    (decision,) = delta.rows["action_aggregates"].values()
    assert (decision.count, decision.bulk_count) == (3, 2)
    assert type(decision.bulk_count) is int
