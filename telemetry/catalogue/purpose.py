"""Purpose: what a field is for, who uses it, and where it is public."""

from typing import NamedTuple


class Purpose(NamedTuple):
    """What a field is for. ``series`` are the public series that it is part of; without any, it is never public."""

    purpose: str
    owner: str
    series: tuple[str, ...] = ()


DETECTION, PERFORMANCE, RELEASES, PRODUCT = "detection", "performance", "releases", "product"
OWNERS = {
    DETECTION: "Maintainers of the detectors, who train and correct them.",
    PERFORMANCE: "Maintainers of the scanner, who watch how fast it is.",
    RELEASES: "Release maintainers, who decide which versions are supported.",
    PRODUCT: "Maintainers who decide what is built next.",
}
