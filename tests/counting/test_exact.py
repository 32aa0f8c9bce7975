"""Mean and deviation of benchmarks are those of exact arithmetic, whatever is added in whatever order."""

import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.catalogue.benchmarks import VALUE_MAX
from telemetry.counting.exact import (
    MILLIONTHS,
    SQUARE_PARTS,
    VALUE_PARTS,
    deviation_of,
    in_millionths,
    joined,
    mean_of,
)

VALUES = st.lists(st.integers(-VALUE_MAX, VALUE_MAX) | st.floats(-VALUE_MAX, VALUE_MAX), min_size=1, max_size=20)


@given(values=VALUES)
def test_parts_add_up_to_the_sums_and_fit_into_64_bits(values: list[float]) -> None:
    sums = [sum(part(value) for value in values) for part in VALUE_PARTS]
    squares = [sum(part(value) for value in values) for part in SQUARE_PARTS]

    assert joined(sums) == sum(map(in_millionths, values))
    assert joined(squares) == sum(in_millionths(value) ** 2 for value in values)
    # Two billion times that still fits.
    assert all(abs(part(value)) <= 2**32 for part in (*VALUE_PARTS, *SQUARE_PARTS) for value in values)


@given(values=VALUES)
def test_mean_and_deviation_are_those_of_exact_arithmetic(values: list[float]) -> None:
    exact = [Fraction(in_millionths(value), MILLIONTHS) for value in values]
    count, total, squares = len(values), sum(map(in_millionths, values)), sum(in_millionths(one) ** 2 for one in values)

    assert mean_of(count, total) == pytest.approx(float(statistics.mean(exact)), rel=1e-15)
    deviation = deviation_of(count, total, squares)
    if count == 1:
        assert deviation is None
    else:
        assert deviation == pytest.approx(float(statistics.stdev(exact)), rel=1e-12)
