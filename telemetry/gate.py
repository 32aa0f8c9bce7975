"""The privacy gate: what fields that the catalogue does not know may hold.

Newer clients send new fields and new event types; they are kept when they can only be measurements. Numbers, booleans
and short names pass; anything that could be source code, a path, a host name or an e-mail address does not.
"""

from typing import Any

from telemetry.documents import INTEGER_MAX
from telemetry.errors import EventRejected, RejectionCode
from telemetry.shapes import is_undotted_label

DEPTH_MAX = 4
VALUES_MAX = 200


def check_unknown(fields: dict[str, Any]) -> None:
    """Raise ``EventRejected`` unless all of ``fields`` may be kept; at most 200 values, at most 4 levels deep."""
    budget = VALUES_MAX
    level: list[Any] = [fields]
    for _ in range(DEPTH_MAX):
        # Counted before they are looked at: looking costs time.
        budget -= sum(len(value) for value in level if isinstance(value, dict | list))
        if budget < 0:
            raise EventRejected(RejectionCode.CONTENT_REFUSED, "too many values")
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    if any(isinstance(value, dict | list) for value in level):
        raise EventRejected(RejectionCode.CONTENT_REFUSED, "too deep")
    for value in level:
        _children(value)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        if not all(map(is_undotted_label, value)):
            raise EventRejected(RejectionCode.CONTENT_REFUSED, "a name is no short name")
        return list(value.values())
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        passes = is_undotted_label(value)
    elif isinstance(value, int):
        passes = -INTEGER_MAX <= value <= INTEGER_MAX
    else:
        passes = value is None or isinstance(value, float)
    if not passes:
        raise EventRejected(RejectionCode.CONTENT_REFUSED, "a value is no number, boolean or short name")
    return []
