"""The labels that Drift itself sends: what may be shown to the public without an operator's word."""

CATEGORIES = frozenset(
    {
        "api", "auth", "security", "errors", "logging", "testing", "data-access", "config", "types", "structural",
        "components", "styling", "accessibility", "documentation", "performance",
    }
)  # fmt: skip
CATEGORY_SPELLINGS = {known.replace("-", "_"): known for known in sorted(CATEGORIES) if "-" in known}
"""Version 1's spelling of the categories that version 2 spells differently."""
NATIVE_FUNCTIONS = frozenset({"scan", "parse", "buildCallGraph"})
TIERS = frozenset({"established", "emerging", "tentative", "uncertain"})
MOMENTA = frozenset({"rising", "falling", "stable"})
SIZE_TIERS = frozenset({"small", "medium", "large", "enterprise"})
_METHODS = {
    "ast": "ast",
    "astvisitor": "ast",
    "regex": "regex",
    "stringregex": "regex",
    "hybrid": "hybrid",
    "semantic": "semantic",
    "structural": "structural",
    "custom": "custom",
    "learning": "learning",
    "learningdeviation": "learning",
    "toml": "toml",
    "tomlpattern": "toml",
}


def category_of(sent: str) -> str | None:
    """Return a known category, or None; version 2 of the tool writes ``_`` where version 1 wrote ``-``."""
    category = sent.lower().replace("_", "-")
    return category if category in CATEGORIES else None


def counted_category(sent: str) -> str:
    """Return the name that a category is counted under: version 1's spelling if it is known."""
    return CATEGORY_SPELLINGS.get(sent, sent)


def method_of(sent: str) -> str | None:
    """Return a known method of detection, or None."""
    return _METHODS.get(sent.lower())


def size_tier_of(sent: str) -> str | None:
    """Return a known size of code bases, or None."""
    return sent.lower() if sent.lower() in SIZE_TIERS else None
