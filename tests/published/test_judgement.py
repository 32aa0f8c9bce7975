"""Approval counts decisions that accept or reject, one voice each, and tells of no fewer than five installations."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry.published.approval import approval_of
from telemetry.published.field_tallies import new_tally
from telemetry.published.judgement import ACCEPTED, ACCEPTED_SQUARES, JUDGED, judgement_of, without_few
from telemetry.published.labels import PublicLabels
from telemetry.published.observations import Decided, SeenVersion
from telemetry.published.reading import Number
from telemetry.published.scales import ONE_IN_MILLIONTHS as ONE

K = 5
VERSION = SeenVersion((0, 11, 1), "0.11.1", "0.11.1", is_development=False)
SUMS = (JUDGED, ACCEPTED, ACCEPTED_SQUARES)


def voice(*decisions: tuple[str, str | None]) -> dict[str, int]:
    """Return the amounts of an installation under the only key of its decisions."""
    tally = new_tally("decisions", PublicLabels())
    for action, reason in decisions:
        tally.add(VERSION, Decided(action, "auth", 0.91, False, reason))
    ((_, count, amounts),) = tally.drain()
    assert count == len(decisions)
    return amounts


def test_actions_of_both_versions_accept_and_reject() -> None:
    first = voice(("approve", None), ("approve", None), ("ignore", None), ("create_variant", None))
    second = voice(("fix", None), ("escalate", None), ("dismiss", "false_positive"), ("suppress", None))

    assert [first[name] for name in SUMS] == [second[name] for name in SUMS] == [ONE, ONE // 2, ONE // 4]


def test_a_decision_that_neither_accepts_nor_rejects_is_left_out() -> None:
    amounts = voice(("fix", None), ("dismiss", "duplicate"), ("dismiss", "wont_fix"), ("snooze", None))
    assert [amounts[name] for name in SUMS] == [ONE, ONE, ONE]
    assert (amounts["dismiss"], amounts["other_actions"]) == (ONE // 2, ONE // 4)
    assert not voice(("dismiss", "duplicate")).keys() & set(SUMS)


@given(st.integers(1, 400), st.data())
def test_nothing_tells_of_fewer_than_five_and_approval_stays(installations: int, data: st.DataObject) -> None:
    judged = data.draw(st.integers(0, installations))
    shares = (
        data.draw(st.lists(st.integers(0, ONE), min_size=judged, max_size=judged)) if judged < 40 else [ONE] * judged
    )
    sums = {
        JUDGED: judged * ONE, ACCEPTED: sum(shares), ACCEPTED_SQUARES: sum(one * one // ONE for one in shares),
    }  # fmt: skip
    public = without_few(sums, installations, K)
    shown = public[JUDGED] // ONE

    assert shown == 0 or K <= shown <= installations
    assert installations - shown in {0, installations} or installations - shown >= K
    if judged < K:
        assert [public[name] for name in SUMS] == [0, 0, 0]
    else:
        # The amounts are cut to millionths, once.
        assert abs(public[ACCEPTED] / shown - sums[ACCEPTED] / judged) < 1
        assert abs(public[ACCEPTED_SQUARES] / shown - sums[ACCEPTED_SQUARES] / judged) < 1


def test_every_installation_counts_in_development() -> None:
    assert without_few({JUDGED: ONE, ACCEPTED: ONE}, 2, 1) == {JUDGED: ONE, ACCEPTED: ONE}


def test_windows_from_before_count_approve_alone() -> None:
    before = {"approve": 6.0, "approve_squares": 5.0, JUDGED: None, ACCEPTED: None, ACCEPTED_SQUARES: None}
    since = before | {JUDGED: 8.0, ACCEPTED: 7.0, ACCEPTED_SQUARES: 6.5}

    assert judgement_of(10, before) == (10, 6.0, 5.0)
    assert judgement_of(10, since) == (8, 7.0, 6.5)
    assert judgement_of(10, since | {JUDGED: 0.0}) is None
    both = approval_of([Number("2026-10-05", ("auth", "0.90"), 10, one) for one in (before, since)])
    assert both is not None
    assert (both.voices, both.share) == (18, 13 / 18)
