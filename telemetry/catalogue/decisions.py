"""Decisions: what the actions of both versions of the tool say about a finding.

The judgements are those by which version 2 of the tool itself learns from a decision. There, a dismissal because nobody
will fix the finding, or because it is known already, does not say that the finding is wrong.
"""

from collections.abc import Mapping

ACCEPTING = ("approve", "fix", "escalate")
"""Actions that accept a finding: it is right, whether it is mended at once or handed on."""
REJECTING = ("ignore", "create_variant", "dismiss_outlier", "dismiss", "suppress")
"""Actions that reject a finding, unless their reason is one of ``UNJUDGING_REASONS``."""
UNJUDGING_REASONS = frozenset({"wont_fix", "duplicate"})
"""Reasons of a rejection that leave open whether the finding is right."""
ACTIONS = ("approve", "ignore", "create_variant", "dismiss_outlier", "fix", "dismiss", "suppress", "escalate")
"""The known actions of versions 1 and 2 of the tool, in the order in which they are shown."""
_ACCEPTS: Mapping[str, bool] = {**dict.fromkeys(ACCEPTING, True), **dict.fromkeys(REJECTING, False)}


def accepts(action: str, reason: str | None) -> bool | None:
    """Return whether a decision accepts the finding, or None if it neither accepts nor rejects it.

    Nothing is known of what an unknown action says.
    """
    accepted = _ACCEPTS.get(action)
    return None if accepted is False and reason in UNJUDGING_REASONS else accepted
