-- Events of another program on their way into segments, as they will be stored there.
CREATE TABLE events (
    old_id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    created_at TEXT NOT NULL,
    type TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    installation_id TEXT NOT NULL,
    drift_version TEXT NOT NULL,
    payload TEXT NOT NULL
)
