"""Fitting: the metrics of a public answer, bounded however many labels there are."""

from collections import Counter
from collections.abc import Iterable

from telemetry.published.series import OTHER_LABEL

SHOWN_LABELS_MAX = 200
"""Labels of a prefix, ``other`` included."""
METRICS_BYTES_MAX = 28_000
# The quotation marks, the colon and the comma of an entry.
_PUNCTUATION_BYTES = 4


def fitted(metrics: Iterable[tuple[str, int]]) -> tuple[dict[str, int], dict[str, int]]:
    """Return metrics, largest first, and how many labels of each prefix were added to its ``other`` to make them fit.

    Metrics without a label are always kept.
    """
    ordered = sorted(metrics, key=lambda one: (-one[1], one[0]))
    kept = Counter(dict(one for one in ordered if _is_kept(one[0])))
    folded: Counter[str] = Counter()
    labels = Counter(_prefix(metric) for metric, _ in ordered)
    room = {prefix: count if count <= SHOWN_LABELS_MAX else SHOWN_LABELS_MAX - 1 for prefix, count in labels.items()}
    bytes_left = METRICS_BYTES_MAX - sum(_size(*one) for one in kept.items())
    for metric, total in ordered:
        prefix, size = _prefix(metric), _size(metric, total)
        if metric in kept:
            continue
        if room[prefix] > 0 and size <= bytes_left:
            kept[metric] = total
            room[prefix] -= 1
            bytes_left -= size
        else:
            kept[_other(prefix)] += total
            folded[prefix] += 1
    return dict(sorted(kept.items(), key=lambda one: (-one[1], one[0]))), dict(sorted(folded.items()))


def _prefix(metric: str) -> str:
    prefix, separator, _ = metric.partition(":")
    return prefix if separator else ""


def _other(prefix: str) -> str:
    return f"{prefix}:{OTHER_LABEL}"


def _is_kept(metric: str) -> bool:
    prefix = _prefix(metric)
    return not prefix or metric == _other(prefix)


def _size(metric: str, total: int) -> int:
    return len(metric.encode()) + len(str(total)) + _PUNCTUATION_BYTES
