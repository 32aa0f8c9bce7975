"""Events as clients send them: the recorded bodies of a real client, and made ones."""

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("client-*.json"))

Fields = dict[str, Any]

_OWN_FIELDS: dict[str, Fields] = {
    "pattern_signature": {
        "signatureHash": "e92ab45cc886c93b", "category": "api", "confidence": 0.9, "locationCount": 3,
        "outlierCount": 1, "detectionMethod": "ast", "language": "typescript",
    },
    "aggregate_stats": {
        "totalPatterns": 7, "patternsByStatus": {"discovered": 4, "approved": 2, "ignored": 1},
        "patternsByCategory": {"api": 3, "auth": 4}, "languages": ["typescript"], "frameworks": ["express"],
        "featuresEnabled": ["callgraph"], "codebaseSizeTier": "small",
    },
    "user_action": {
        "action": "approve", "category": "auth", "confidenceAtAction": 0.88, "hoursSinceDiscovery": 2,
        "isBulkAction": False,
    },
    "scan_completion": {
        "durationMs": 1234, "filesScanned": 10, "newPatternsDiscovered": 1, "isIncremental": True, "workerCount": 4,
    },
}  # fmt: skip
KNOWN_TYPES = tuple(_OWN_FIELDS)


def make_event(event_type: str = "scan_completion", **changes: Any) -> Fields:
    """Return a valid event with some fields changed; a field set to ``...`` is left out."""
    event = {
        "type": event_type,
        "timestamp": timestamp(),
        "installationId": "5387623e-62a8-468c-9fbe-92f1c6a8b775",
        "driftVersion": "0.9.1",
        **_OWN_FIELDS.get(event_type, {}),
        **changes,
    }
    return {name: value for name, value in event.items() if value is not ...}


def installation_id(number: int) -> str:
    """Return an installation id like those of clients, a random UUID by its shape; the same for the same number."""
    return str(uuid.UUID(int=number << 64, version=4))


def timestamp(moment: datetime | None = None, **offset: float) -> str:
    """Return a moment, the present one by default, as clients write it."""
    moment = (moment or datetime.now(UTC)) + timedelta(**offset)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(events: list[Any]) -> bytes:
    """Return the body of a batch."""
    return json.dumps({"events": events}).encode()


class Traffic:
    """Seeded events of several installations, all of them different."""

    def __init__(self, seed: int = 1, installations: int = 20, moment: datetime | None = None) -> None:
        self._moment = moment or datetime.now(UTC)
        self._random = random.Random(seed)
        self._installations = [
            str(uuid.UUID(int=self._random.getrandbits(128), version=4)) for _ in range(installations)
        ]
        self._sent = 0

    def batch(self, size: int) -> list[Fields]:
        """Return events of one installation."""
        sender = self._random.choice([*self._installations, "unknown"])
        return [self._event(sender) for _ in range(size)]

    def _event(self, sender: str) -> Fields:
        chosen = self._random
        self._sent += 1
        changes: Fields = {
            "pattern_signature": {
                "signatureHash": f"{chosen.randrange(50):016x}",
                "category": chosen.choice(["api", "auth", "data-access"]),
                "confidence": round(chosen.random(), 2),
                "locationCount": chosen.randrange(100),
                "language": chosen.choice(["c#", "go", "python"]),
            },
            "user_action": {
                "action": chosen.choice(["approve", "ignore"]),
                "confidenceAtAction": round(chosen.random(), 2),
                "hoursSinceDiscovery": chosen.randrange(-3, 300),
            },
            "scan_completion": {"durationMs": self._sent},
            "aggregate_stats": {"totalPatterns": self._sent},
            "invented_type": {"value": self._sent},
        }
        event_type = chosen.choice(list(changes))
        return make_event(
            event_type,
            installationId=sender,
            timestamp=timestamp(self._moment, milliseconds=-self._sent),
            driftVersion=chosen.choice(["0.9.1", "0.9.2"]),
            **changes[event_type],
        )
