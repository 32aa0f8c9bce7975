-- All events of a segment. ?1 and ?2: ids above and up to which events are read, ?3: how many.
SELECT id, created_at, type, timestamp, installation_id, drift_version, payload
FROM events
WHERE id > ?1 AND id <= ?2
ORDER BY id
LIMIT ?3
