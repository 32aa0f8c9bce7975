"""Installation ids that stand for no installation.

Clients without an id send ``unknown``, and broken ones send what their language makes of a missing value. Such events
are stored as they were sent; no count takes their id for an installation.
"""

import json

UNKNOWN_INSTALLATION = "unknown"
# Lower case; any case of them means the same.
PLACEHOLDERS = frozenset(
    {
        "",
        UNKNOWN_INSTALLATION,
        "undefined",
        "null",
        "nil",
        "none",
        "nan",
        "na",
        "n-a",
        "true",
        "false",
        "anonymous",
        "guest",
        "empty",
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0" * 32,
        "f" * 32,
    }
)
# The same set for SQL, which compares ``lower(installation_id)`` with it.
PLACEHOLDERS_JSON = json.dumps(sorted(PLACEHOLDERS))


def is_placeholder(installation_id: str) -> bool:
    """Tell whether an id stands for no installation."""
    return installation_id.lower() in PLACEHOLDERS
