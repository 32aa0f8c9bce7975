SELECT id, created_at, type, timestamp, installation_id, drift_version, coalesce(payload, '{}')
FROM events
WHERE id > ?1
ORDER BY id
LIMIT ?2
