-- ?1 and ?2: ids above and up to which events are read, ?3: how many, ?4: an installation.
SELECT id, created_at, type, timestamp, installation_id, drift_version, coalesce(payload, '{}')
FROM events
WHERE installation_id = ?4 AND id > ?1 AND id <= ?2
ORDER BY id
LIMIT ?3
