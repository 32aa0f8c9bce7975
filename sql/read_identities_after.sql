-- The + keeps to the order of the ids: a sealed segment has an index of created_at too.
SELECT id, created_at, type, timestamp, installation_id, coalesce(payload, '{}')
FROM events
WHERE id > ?1 AND +created_at >= ?3
ORDER BY id
LIMIT ?2
