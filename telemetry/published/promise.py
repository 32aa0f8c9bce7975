"""The promise of the public numbers, in the words of the privacy page and of the file of public numbers."""

_PROMISE = (
    "Every public number counts at least {threshold}, over a whole window of UTC days, and each "
    "installation once. It is published after the window has closed. It changes only when the operator excludes an "
    "installation or deletes days. Within a series nothing smaller can be found by subtraction."
)
NOT_PROMISED = (
    "protection from someone who runs four of the five installations, because ids cost nothing;",
    "that comparing different series never bounds a smaller group;",
    "that five ids are five people.",
)

EXCEPTION = (
    "Benchmarks are an exception. They measure machines and corpora that everybody may know, and name no installation "
    "and no person. A result is public within seconds, even a single one, if the operator has admitted its tool or its "
    "corpus, or if it came with the operator's token."
)
"""What the promise is not about, for the privacy page."""


def promise(threshold: int | None = None) -> str:
    """Return the promise with its threshold, or with the name that the file has for it."""
    counted = "`threshold` installations" if threshold is None else f"{threshold} installation{'s' * (threshold != 1)}"
    return _PROMISE.format(threshold=counted)
