"""Averages and bands of a row over the windows that have it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from math import fsum

from telemetry.published.reading import Detail
from telemetry.published.series import OTHER_LABEL

_DECIMALS = 4
_INSTALLATION_ENDS = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
INSTALLATION_BANDS = (
    "1-4", "5-9", "10-19", "20-49", "50-99", "100-199", "200-499", "500-999", "1000-1999", "2000-4999", "5000+",
)  # fmt: skip
"""Bands of installations; the first is only for environments with a threshold of one installation."""


def rounded(value: float) -> float:
    """Return a share or an average as it is written, with four decimals."""
    return round(value, _DECIMALS)


def installation_band(installations: int) -> str:
    """Return the band that a number of installations lies in."""
    return INSTALLATION_BANDS[bisect_right(_INSTALLATION_ENDS, installations)]


class LabelShares:
    """The share of each label of a kind in the voices of a row."""

    def __init__(self, details: Iterable[Detail], voices: int) -> None:
        parts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for detail in details:
            kind, label = map(str, detail.label)
            parts[kind][label].append(detail.value)
        self._shares = {
            kind: {label: rounded(min(fsum(values) / voices, 1.0)) for label, values in labels.items()}
            for kind, labels in parts.items()
        }

    def of(self, kind: str, *, hidden: Iterable[str] = ()) -> tuple[list[str], list[float]]:
        """Return labels and shares, the largest first; those that are ``hidden`` are part of ``other``."""
        shares = dict(self._shares.get(kind, {}))
        for label in set(hidden) & shares.keys():
            shares[OTHER_LABEL] = rounded(shares.get(OTHER_LABEL, 0.0) + shares.pop(label))
        ordered = sorted(shares.items(), key=lambda one: (one[0] == OTHER_LABEL, -one[1], one[0]))
        return [label for label, _ in ordered], [share for _, share in ordered]

    def bands(self, kind: str) -> tuple[list[str], list[float]]:
        """Return bands and shares, the lowest band first, ``other`` last."""
        ordered = sorted(self._shares.get(kind, {}).items(), key=lambda one: _place(one[0]))
        return [label for label, _ in ordered], [share for _, share in ordered]


def _place(band: str) -> tuple[bool, int]:
    least = band.partition("-")[0].rstrip("+")
    return not least.isdigit(), int(least) if least.isdigit() else 0
