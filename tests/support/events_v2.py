"""Events as version 2 of the tool sends them."""

import json
import time
from typing import Any

from tests.support.events import Fields


def make_event_v2(event_type: str = "scan_completed", **changes: Any) -> Fields:
    """Return a valid event with some fields changed; a field set to ``...`` is left out."""
    event = {
        "anonymous_id": "0f3cbe4d-1f0a-4c9a-8d55-3a0b2a3c4d5e",
        "event_type": event_type,
        "drift_version": "2.0.1",
        "platform": "linux/x86_64",
        "timestamp": int(time.time()),
        "properties": {},
        **changes,
    }
    return {name: value for name, value in event.items() if value is not ...}


def encode_bare(events: list[Any]) -> bytes:
    """Return the body of a batch that is a bare array."""
    return json.dumps(events).encode()
