"""JSON Schema of the events of version 2, made from the same structs as the schema of version 1."""

from typing import Any

import msgspec

from telemetry.catalogue.event import OtherEvent
from telemetry.catalogue.events import KNOWN_EVENTS, AnyEvent
from telemetry.catalogue.wire_v2 import SentEvent

_REFERENCE = "#/$defs/{name}"
_NOT_MEASURED = frozenset(OtherEvent.__struct_fields__)


def json_schema_v2() -> dict[str, Any]:
    """Return the JSON Schema of one event: what ``properties`` holds depends on the type."""
    classes = [SentEvent, *KNOWN_EVENTS.values()]
    _, components = msgspec.json.schema_components(classes, ref_template=_REFERENCE)
    sent: dict[str, Any] = components.pop(SentEvent.__name__)
    del sent["title"]
    cases = [
        {
            "if": {"properties": {"event_type": {"const": kind}}},
            "then": {"properties": {"properties": _measured(event_class, components.pop(event_class.__name__))}},
        }
        for kind, event_class in KNOWN_EVENTS.items()
    ]
    return sent | {"allOf": cases, "$defs": components}


def _measured(event_class: type[AnyEvent], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type's properties, with the names of version 2."""
    own = [field for field in msgspec.structs.fields(event_class) if field.name not in _NOT_MEASURED]
    return {
        "type": "object",
        "description": schema["description"],
        "properties": {field.name: schema["properties"][field.encode_name] for field in own},
        "required": [field.name for field in own if field.required],
    }
