"""Numbers in sentences for people."""


def amount(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as ``1 day`` or ``1,200 events``; ``plural`` is for nouns without an -s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def were(number: int) -> str:
    """Return the verb that follows such an amount."""
    return "was" if number == 1 else "were"


def extra_advice(extra: str, package: str) -> str:
    """Return how to install an extra of the program, which is one package."""
    return (
        f"install the extra `{extra}`: on a server `sudo make install` again with EXTRAS={extra}, elsewhere "
        f"`pip install {package}` into the environment of `telemetry`"
    )
