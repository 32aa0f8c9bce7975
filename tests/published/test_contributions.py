"""What installations contribute to a day is the same whether it is added up one by one or together."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.published import contributions
from telemetry.published.contributions import Contribution, Policy, StoredRow, WindowContributions
from telemetry.published.labels import PublicLabels
from telemetry.published.windows import Period, PublicWindow

DAY = "2026-11-25"
K = 3
SCAN = b'{"durationMs":%d,"isIncremental":false}'

kinds = st.sampled_from([
    b"0scan_completion\x1f0.9.1", b"1scan_completion\x1f0.9.1", b"0scan_completion\x1f0.0.0-dev",
    b"4user_action\x1f0.9.2", b"1ci_detected\x1f0.10.0", b"0invented\x1f1.0.0-beta",
])  # fmt: skip
events = st.tuples(kinds, st.sampled_from([SCAN % 7, SCAN % 900, b"", b"[1"]))
installations = st.lists(
    st.tuples(st.sampled_from(["2026-11-01", DAY, None]), st.lists(events, min_size=1)), max_size=9
)


def _sums(installed: list[tuple[str | None, list[tuple[bytes, bytes]]]]) -> tuple[Counter[Any], Counter[Any], set[Any]]:
    """Return sums by key, events that are set aside, and who is under keys that fewer than ``K`` have."""
    made = WindowContributions(PublicWindow(Period.DAY, DAY), [DAY], PublicLabels(), Policy(K))
    found: list[Contribution] = []
    for number, (first_seen, sent) in enumerate(installed):
        rows: list[StoredRow] = [
            (b"%d" % number, 0, kind, payload if b"scan_completion" in kind else None) for kind, payload in sent
        ]
        found += made.of(number, first_seen, rows)
    found += made.rest()
    sums, members = Counter[Any](), dict[Any, set[int]]()
    for series, voices, numbers, count in found:
        for path, observations, amounts in voices:
            sums[series, path, "installations"] += count
            sums[series, path, "observations"] += count * observations
            sums.update({(series, path, name): count * value for name, value in amounts.items()})
            members.setdefault((series, path), set()).update(numbers)
    few = {(key, *sorted(who)) for key, who in members.items() if sums[(*key, "installations")] < K}
    return sums, made.aside, few


@given(installed=installations)
def test_days_that_look_alike_add_up_to_what_each_of_them_does(
    installed: list[tuple[str | None, list[tuple[bytes, bytes]]]],
) -> None:
    together = _sums(installed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contributions, "_SHORT_MAX", 0)
        assert _sums(installed) == together
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contributions, "_SHAPES_MAX", 1)
        assert _sums(installed) == together
