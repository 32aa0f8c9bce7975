"""Histograms: how often a quantity fell into each of a few ranges."""

from bisect import bisect_left
from itertools import accumulate


class Histogram:
    """Counts observations by the smallest bound that they do not exceed. To observe is to add to two numbers."""

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, *bounds: float) -> None:
        self.sum = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[float, int]]:
        """Return each bound with the number of observations up to it; the last bound is infinite."""
        return list(zip((*self._bounds, float("inf")), accumulate(self._counts), strict=True))
