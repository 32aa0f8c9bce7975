"""Scales that measurements are put on: durations in logarithmic buckets, confidence in steps, counts in bands."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, repeat
from math import sqrt
from operator import mul

ONE_IN_MILLIONTHS = 1_000_000
# A value in a bucket differs from the bucket's middle by at most 5 %.
RATIO = 1.1
_FIRST_MS = 0.001
_LAST_BUCKET = 290
# Multiplied step by step: the same on every machine, which a logarithm need not be.
_BOUNDS_MS = tuple(accumulate(repeat(RATIO, _LAST_BUCKET), mul, initial=_FIRST_MS))
BUCKETS = len(_BOUNDS_MS) + 1
"""How many buckets there are."""

_LOWEST_STEP = 550_000
_STEP = 50_000
_STEPS = 10
_STEP_LABELS = tuple(f"{(_LOWEST_STEP + number * _STEP) / ONE_IN_MILLIONTHS:.2f}" for number in range(_STEPS - 1))
_DEVIATION_LABELS = ("0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30")
_BAND_ENDS = (1, 2, 10, 100, 1_000)
BANDS = ("0", "1", "2-9", "10-99", "100-999", "1000+")
"""The bands of counts, in their order."""


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a duration: 0 is below a microsecond, the last one above eleven days."""
    return bisect_right(_BOUNDS_MS, milliseconds)


def bounds_ms(bucket: int) -> tuple[float, float]:
    """Return the milliseconds from which and below which durations are in a bucket; those of the last have no bound."""
    low = _BOUNDS_MS[bucket - 1] if bucket else 0.0
    return low, _BOUNDS_MS[bucket] if bucket < len(_BOUNDS_MS) else low * RATIO


def millionths(share: float) -> int:
    """Return a number between 0 and 1 in millionths."""
    return min(max(round(share * ONE_IN_MILLIONTHS), 0), ONE_IN_MILLIONTHS)


def share(part: int, whole: int) -> int:
    """Return which part of a whole something is, in millionths, rounded."""
    return (2 * part * ONE_IN_MILLIONTHS + whole) // (2 * whole)


def step_of(confidence: float) -> str:
    """Return the lowest confidence of a step: everything below 0.55 is one, then there is one for each 0.05."""
    number = min((millionths(confidence) - _LOWEST_STEP) // _STEP, _STEPS - 2)
    return _STEP_LABELS[number] if number >= 0 else "0.00"


def deviation_step_of(deviation: float) -> str:
    """Return the lowest standard deviation of a step: one for each 0.05, and everything from 0.30 on is one."""
    return _DEVIATION_LABELS[min(millionths(deviation) // _STEP, len(_DEVIATION_LABELS) - 1)]


def band_of(count: float) -> str:
    """Return the band that a count lies in."""
    return BANDS[bisect_right(_BAND_ENDS, count)]


def percentile_ms(buckets: Iterable[tuple[int, int]], percent: float) -> float | None:
    """Return the duration that so many per cent of the observations in some buckets do not exceed, within 5 %.

    Buckets of several days or keys may be given one after another.
    """
    counts = Counter[int]()
    for bucket, observations in buckets:
        counts[bucket] += observations
    left = counts.total() * percent / 100
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 0:
            low, high = bounds_ms(bucket)
            return sqrt(low * high)
    return None
