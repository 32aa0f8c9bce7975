-- The old worker's events, in the order in which they were received.
SELECT id, type, timestamp, installation_id, drift_version, payload, created_at
FROM events
ORDER BY id
