"""Folding of amounts by a further label: labels of too few installations join others."""

from typing import NamedTuple

from telemetry.published.series import OTHER_LABEL


class Amount(NamedTuple):
    """An amount under a label, and how many installations it is of."""

    label: str
    value: int
    installations: int

    def joined(self, other: "Amount") -> "Amount":
        """Return both under this label; of how many installations at least."""
        return Amount(self.label, self.value + other.value, max(self.installations, other.installations))


def fold_ordered(amounts: list[Amount], k: int) -> list[Amount]:
    """Have labels that are numbers join the next one towards the middle, where half of the amount is on either side.

    The whole has at least k installations, so what is left in the middle is not about fewer.
    """
    ordered = sorted(amounts, key=lambda amount: int(amount.label))
    total, middle, below = sum(amount.value for amount in ordered), 0, 0
    while middle < len(ordered) - 1 and 2 * (below + ordered[middle].value) < total:
        below += ordered[middle].value
        middle += 1
    low, rest_low = _inwards(ordered[:middle], k)
    high, rest_high = _inwards(ordered[:middle:-1], k)
    centre = ordered[middle]
    for rest in (rest_low, rest_high):
        centre = centre.joined(rest) if rest else centre
    # Some in the middle may still be few: the neighbours come to them.
    while centre.installations < k and (low or high):
        nearest = low.pop() if low and (not high or len(low) >= len(high)) else high.pop()
        centre = centre.joined(nearest)
    return [*low, centre, *reversed(high)]


def _inwards(amounts: list[Amount], k: int) -> tuple[list[Amount], Amount | None]:
    kept: list[Amount] = []
    rest: Amount | None = None
    for amount in amounts:
        amount = amount.joined(rest) if rest else amount  # noqa: PLW2901 - what came before has joined it
        rest = None
        if amount.installations < k:
            rest = amount
        else:
            kept.append(amount)
    return kept, rest


def fold_labels(amounts: list[Amount], k: int) -> list[Amount]:
    """Have labels with fewer than k installations join ``other``, and the smallest of the rest if these are few."""
    named = sorted((one for one in amounts if one.installations >= k and one.label != OTHER_LABEL), key=_size)
    few = [one for one in amounts if one.installations < k or one.label == OTHER_LABEL]
    if not few:
        return sorted(named)
    other = Amount(OTHER_LABEL, 0, 0)
    for one in few:
        other = other.joined(one)
    if other.installations < k and named:
        other = other.joined(named.pop(0))
    return sorted([*named, other])


def _size(amount: Amount) -> tuple[int, str]:
    return amount.installations, amount.label
