"""Numbers in sentences for people."""


def amount(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as ``1 day`` or ``1,200 events``; ``plural`` is for nouns without an -s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def were(number: int) -> str:
    """Return the verb that follows such an amount."""
    return "was" if number == 1 else "were"
