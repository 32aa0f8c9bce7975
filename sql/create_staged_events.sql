-- Events of another program, as they will be stored in segments. `identity` tells them apart; a dry run keeps nothing
-- else.
CREATE TABLE events (
    old_id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    identity BLOB NOT NULL,
    created_at TEXT,
    type TEXT,
    timestamp TEXT,
    installation_id TEXT,
    drift_version TEXT,
    payload TEXT
)
