-- The old worker's table of events, for an export without its schema. Columns are in the worker's order, without types or
-- constraints: rows are judged later.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    type,
    timestamp,
    installation_id,
    drift_version,
    payload,
    created_at DEFAULT (datetime('now'))
)
