"""The privacy gate: what fields that the catalogue does not know may hold.

Newer clients send new fields and new event types; they are kept when they can only be measurements. Numbers, booleans
and a few short names pass; anything that could be source code, a path, a host name or an e-mail address does not. Many
names could be read one after the other, so they are few. A list holds one at most, unless each names measurements: the
only word of an object that has numbers beside it, as in a list of phases and their durations.
"""

from typing import Any, NamedTuple

from telemetry.catalogue.documents import INTEGER_MAX
from telemetry.catalogue.shapes import is_label
from telemetry.errors import EventRejected, RejectionCode

DEPTH_MAX = 4
VALUES_MAX = 200
WORDS_MAX = 16
LISTED_WORDS_MAX = 1


class _Placed(NamedTuple):
    """A value, and whether it is in a list, at whatever depth, and names no measurement there."""

    value: Any
    listed: bool


def check_unknown(fields: dict[str, Any]) -> None:
    """Raise ``EventRejected`` unless all of ``fields`` may be kept.

    They may hold 200 values, 4 levels deep; 16 of these may be words, of which one is in a list and names no
    measurement there.
    """
    budget = VALUES_MAX
    words: list[bool] = []
    level = [_Placed(fields, listed=False)]
    for _ in range(DEPTH_MAX):
        # Counted before they are looked at: looking costs time.
        budget -= sum(len(placed.value) for placed in level if isinstance(placed.value, dict | list))
        if budget < 0:
            raise _refused("too many values")
        level = [child for placed in level for child in _children(placed)]
        words += [placed.listed for placed in level if isinstance(placed.value, str)]
    if any(isinstance(placed.value, dict | list) for placed in level):
        raise _refused("too deep")
    for placed in level:
        _children(placed)
    if len(words) > WORDS_MAX or sum(words) > LISTED_WORDS_MAX:
        raise _refused("too many words")


def _children(placed: _Placed) -> list[_Placed]:
    value, listed = placed
    if isinstance(value, dict):
        if not all(map(is_label, value)):
            raise _refused("a name is no short name")
        names = listed and _is_named_measurement(value)
        return [_Placed(member, listed and not (names and isinstance(member, str))) for member in value.values()]
    if isinstance(value, list):
        return [_Placed(member, listed=True) for member in value]
    if isinstance(value, str):
        passes = is_label(value)
    elif isinstance(value, int):
        passes = -INTEGER_MAX <= value <= INTEGER_MAX
    else:
        passes = value is None or isinstance(value, float)
    if not passes:
        raise _refused("a value is no number, boolean or short name")
    return []


def _is_named_measurement(members: dict[str, Any]) -> bool:
    """Tell whether an object has one word, and a number beside it."""
    words = sum(isinstance(member, str) for member in members.values())
    return words == 1 and any(type(member) in (int, float) for member in members.values())


def _refused(detail: str) -> EventRejected:
    return EventRejected(RejectionCode.CONTENT_REFUSED, detail)
