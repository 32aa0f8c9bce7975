"""Durations, confidence and counts on the scales on which they are published."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from telemetry.published.scales import band_of, bounds_ms, bucket_of, percentile_ms, share, step_of


@given(milliseconds=st.floats(0.001, 1e9))
def test_a_duration_is_within_five_per_cent_of_the_middle_of_its_bucket(milliseconds: float) -> None:
    low, high = bounds_ms(bucket_of(milliseconds))
    assert low <= milliseconds < high
    middle = percentile_ms([(bucket_of(milliseconds), 1)], 50)
    assert middle is not None
    assert abs(middle - milliseconds) <= 0.05 * milliseconds


def test_durations_beyond_the_scale_have_a_bucket() -> None:
    assert bucket_of(0) == bucket_of(-5) == 0
    assert bounds_ms(bucket_of(1e300))[0] > 1e9
    assert bucket_of(inf) == bucket_of(1e300)


def test_percentiles_are_those_of_all_days_together() -> None:
    monday = [(bucket_of(100.0), 50), (bucket_of(200.0), 45)]
    tuesday = [(bucket_of(5_000.0), 5)]
    p50, p95, p99 = (percentile_ms([*monday, *tuesday], percent) for percent in (50, 95, 99))
    assert p50 is not None
    assert p95 is not None
    assert p99 is not None
    assert abs(p50 - 100) <= 5
    assert abs(p95 - 200) <= 10
    assert abs(p99 - 5_000) <= 250
    assert percentile_ms([], 50) is None


def test_confidence_has_ten_steps() -> None:
    steps = {step_of(number / 1_000) for number in range(1_001)}
    assert sorted(steps) == ["0.00", *(f"{number / 100:.2f}" for number in range(55, 100, 5))]
    assert [step_of(at) for at in (0.5499, 0.55, 0.85, 0.8499, 1.0)] == ["0.00", "0.55", "0.85", "0.80", "0.95"]


def test_shares_are_rounded_and_counts_have_bands() -> None:
    assert [share(1, 3), share(2, 3), share(3, 3), share(0, 7)] == [333_333, 666_667, 1_000_000, 0]
    assert [band_of(count) for count in (0, 1, 9, 10, 100, 5_000)] == ["0", "1", "2-9", "10-99", "100-999", "1000+"]
