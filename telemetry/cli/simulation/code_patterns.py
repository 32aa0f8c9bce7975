"""Code patterns: what Drift's detectors find in which files, and how often its users agree."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from telemetry.cli.simulation.draws import skewed, within

# A code base is written in one or two of these; clients send the extension of the file as the language.
FAMILIES = (
    ("ts", "tsx", "js"), ("py", "pyi"), ("js", "jsx", "mjs"), ("java",), ("cs", "razor"), ("go",), ("php",), ("rs",),
    ("cpp", "hpp", "h", "cc"), ("kt",), ("rb",), ("vue", "ts"), ("svelte", "ts"), ("yml", "json", "md"),
)  # fmt: skip
_WEB = {"ts", "tsx", "js", "jsx", "mjs", "vue", "svelte"}
_WEB_CATEGORIES = {"components", "styling", "accessibility"}
# The more common come first: see skewed.
_CATEGORIES = (
    "api", "errors", "structural", "testing", "data-access", "types", "auth", "styling", "performance",
    "components", "logging", "config", "security", "documentation", "accessibility",
)  # fmt: skip
_METHODS = ("ast", "regex", "semantic", "hybrid")
_DETECTORS = 213
_PATTERNS = (15, 60)
_CONFIDENCE_SIGMA = 0.12
# Where being sure says nothing: the share of approvals, and by how much it falls from no confidence to full.
_MISCALIBRATED = {"styling": (0.66, 0.2), "performance": (0.6, 0.06)}
_CALIBRATED_ABOVE = {"documentation": 0.05, "config": 0.04, "auth": 0.03, "logging": -0.04, "errors": -0.05}


class Detector(NamedTuple):
    """What finds one kind of pattern; its hash is the signature of all of them."""

    signature: str
    category: str
    method: str
    confidence: float


class Pattern(NamedTuple):
    """What a detector found in one code base, and how sure it is there."""

    detector: Detector
    confidence: float


def detectors(chosen: random.Random) -> list[Detector]:
    """Return as many detectors as Drift has, the ones that find most first."""
    return [
        Detector(
            f"{chosen.getrandbits(64):016x}",
            skewed(chosen, _CATEGORIES),
            skewed(chosen, _METHODS),
            round(0.3 + 0.69 * chosen.betavariate(3, 1.6), 2),
        )
        for _ in range(_DETECTORS)
    ]


def patterns_of(chosen: random.Random, known: Sequence[Detector], extensions: Sequence[str]) -> tuple[Pattern, ...]:
    """Return what a code base has; some detectors only look at the code of web pages."""
    is_web = not _WEB.isdisjoint(extensions)
    finding = [detector for detector in known if is_web or detector.category not in _WEB_CATEGORIES]
    found = [
        # Some patterns nearly everybody has, and everybody has some of the others.
        skewed(chosen, finding) if number % 2 else chosen.choice(finding)
        for number in range(chosen.randint(*_PATTERNS))
    ]
    return tuple(
        Pattern(detector, round(within(0.3, chosen.gauss(detector.confidence, _CONFIDENCE_SIGMA), 1), 2))
        for detector in found
    )


def approval(category: str, confidence: float) -> float:
    """Return the share of users who approve a pattern: mostly the more, the surer Drift is."""
    if category in _MISCALIBRATED:
        share, fall = _MISCALIBRATED[category]
        return share - fall * confidence
    return within(0.05, confidence**1.3 * 0.97 + _CALIBRATED_ABOVE.get(category, 0.0), 0.97)
