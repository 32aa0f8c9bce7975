import pytest

from telemetry.catalogue.decisions import ACCEPTING, ACTIONS, REJECTING, UNJUDGING_REASONS, accepts


def test_every_known_action_either_accepts_or_rejects() -> None:
    assert sorted(ACTIONS) == sorted(ACCEPTING + REJECTING)
    assert {action for action in ACTIONS if accepts(action, None)} == {"approve", "fix", "escalate"}
    assert {action for action in ACTIONS if accepts(action, None) is False} == {
        "ignore", "create_variant", "dismiss_outlier", "dismiss", "suppress",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "reason", "accepted"),
    [
        ("dismiss", "false_positive", False),
        ("dismiss", "not_applicable", False),
        ("dismiss", "wont_fix", None),
        ("dismiss", "duplicate", None),
        ("suppress", "wont_fix", None),
        ("fix", "duplicate", True),
        ("snooze", None, None),
        ("snooze", "false_positive", None),
    ],
)
def test_a_reason_may_leave_open_whether_a_finding_is_right(
    action: str, reason: str | None, accepted: bool | None
) -> None:
    assert accepts(action, reason) is accepted
    assert {"wont_fix", "duplicate"} == UNJUDGING_REASONS
