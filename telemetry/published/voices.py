"""Voices: what shares of decisions say about all installations, where one installation has one voice."""

from math import sqrt

ONE_SIDED_95 = 1.6449
TWO_SIDED_95 = 1.96
# Installations that agree may do so by chance: together they weigh at most twice their number.
_WEIGHT_MAX = 2.0


def effective_voices(voices: int, total: float, squares: float) -> float:
    """Return how many yes-or-no voices would say as much about the average of voices between 0 and 1.

    ``total`` is their sum, ``squares`` the sum of their squares. Voices that are yes or no weigh one each.
    """
    mean = min(max(total / voices, 0.0), 1.0)
    widest = mean * (1 - mean)
    if widest <= 0:
        return float(voices)
    variance = max(squares / voices - mean * mean, widest / _WEIGHT_MAX)
    # Half of the smallest positive float is zero.
    if not variance:
        return float(voices)
    return voices * min(widest / variance, _WEIGHT_MAX)


def lower_bound(mean: float, effective: float, z: float = ONE_SIDED_95) -> float:
    """Return the least average that is likely, by Wilson's interval with a correction for continuity."""
    if mean <= 0:
        return 0.0
    centre = 2 * effective * mean + z * z - 1
    spread = z * z - 2 - 1 / effective + 4 * mean * (effective * (1 - mean) + 1)
    return max(0.0, (centre - z * sqrt(max(spread, 0.0))) / (2 * (effective + z * z)))


def interval(mean: float, effective: float) -> tuple[float, float]:
    """Return the ends of the interval in which the average lies with 95 %."""
    return lower_bound(mean, effective, TWO_SIDED_95), 1 - lower_bound(1 - mean, effective, TWO_SIDED_95)
