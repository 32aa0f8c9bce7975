"""Hypothesis strategies for whatever the catalogue describes; they derive from the structs themselves."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from telemetry.catalogue.documents import INTEGER_MAX
from telemetry.catalogue.event import Event
from telemetry.catalogue.events import KNOWN_EVENTS
from tests.support.events import installation_id

LABELS = st.from_regex(r"[a-z][a-z0-9_+#-]{0,20}", fullmatch=True)
TIMESTAMPS = st.datetimes(datetime(2026, 10, 1), datetime(2026, 11, 23), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
)
_TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "timestamp": TIMESTAMPS,
    "installation_id": st.sampled_from(["unknown", *map(installation_id, range(8))]),
    "drift_version": st.sampled_from(["0.9.1", "0.9.2", "1.0.0-beta.1"]),
    "context": st.sampled_from([None, "human", "ci", "agent"]),
    "platform": st.sampled_from([None, "linux/x86_64", "darwin/arm64", "windows"]),
    "format_version": st.sampled_from([1, 1, 2]),
    "pattern_id": st.sampled_from([None, "SEC-XSS-001", "A11Y-ALT-3"]),
    **dict.fromkeys(("subcategory", "tier", "momentum", "reason"), st.sampled_from([None, "established", "wont_fix"])),
    "signature_hash": st.sampled_from(["e92ab45c", "b09cbcf2e2b7ef03", "ff" * 32]),
}
# Fields that have to be there in some cases, and types whose optional fields are drawn beside those of all others.
_NEEDED = ("signature_hash", "language")
_WHOLE = ("pattern_signature", "user_action", "parse_timing", "rust.parse.error")


def events_of(event_class: type[Event], *, whole: bool = True) -> st.SearchStrategy[Any]:
    """Return valid events of one class; without optional fields if not ``whole``, which is quicker."""
    fields = msgspec.structs.fields(event_class)
    types = msgspec.inspect.type_info(event_class)
    assert isinstance(types, msgspec.inspect.StructType)
    built: st.SearchStrategy[Any] = st.builds(
        event_class,
        **{
            field.name: _TEXTS[field.name] if field.name in _TEXTS else _values(described.type)
            for field, described in zip(fields, types.fields, strict=True)
            if whole or field.required or field.name in _NEEDED
        },
    )
    return built.filter(lambda event: event.missing() is None)


@cache
def any_events() -> st.SearchStrategy[Any]:
    """Return valid events of every known class, whole ones of some."""
    bare = [events_of(known, whole=False) for known in KNOWN_EVENTS.values()]
    return st.one_of([*bare, *(events_of(KNOWN_EVENTS[kind]) for kind in _WHOLE)])


def _values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:  # noqa: PLR0911
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return _values(inner)
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(-INTEGER_MAX if least is None else least, INTEGER_MAX if most is None else most)
        case msgspec.inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False)
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.StrType():
            return LABELS
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(_values(item), max_size=5)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_values(key), _values(value), max_size=5)
        case msgspec.inspect.UnionType(types=kinds):
            return st.one_of([_values(one) for one in kinds])
        case _:
            raise AssertionError(kind)
