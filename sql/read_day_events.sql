-- All events of a segment. ?2 and ?3: ids above and up to which events are read. ?1 is not used: similar statements have
-- an installation id there.
SELECT id, created_at, type, timestamp, installation_id, drift_version, payload
FROM events
WHERE id > ?2 AND id <= ?3
ORDER BY id
LIMIT ?4
