-- The old worker's events, in the order of its columns, for an export without its schema. Rows are judged later.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    type,
    timestamp,
    installation_id,
    drift_version,
    payload,
    created_at DEFAULT (datetime('now'))
)
