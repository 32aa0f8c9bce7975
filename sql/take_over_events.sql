-- ?1: the day. In the order in which they were received.
INSERT INTO events (type, timestamp, installation_id, drift_version, payload, created_at)
SELECT type, timestamp, installation_id, drift_version, payload, created_at
FROM staged.events
WHERE day = ?1
ORDER BY created_at, old_id
