-- Events of another program on their way into segments, as they will be stored there; `identity` tells them apart. For a
-- dry run that is all there is.
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
