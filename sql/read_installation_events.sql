-- ?1: an installation, ?2 and ?3: ids above and up to which its events are read.
SELECT id, created_at, type, timestamp, installation_id, drift_version, coalesce(payload, '{}')
FROM events
WHERE installation_id = ?1 AND id > ?2 AND id <= ?3
ORDER BY id
LIMIT ?4
