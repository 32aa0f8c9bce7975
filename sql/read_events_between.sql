-- Reads every value as a text, whatever type another program stored.
SELECT
    id,
    CAST(created_at AS TEXT),
    CAST(type AS TEXT),
    CAST(timestamp AS TEXT),
    CAST(installation_id AS TEXT),
    CAST(drift_version AS TEXT),
    CAST(coalesce(payload, '{}') AS TEXT)
FROM events
WHERE id > ?1 AND id <= ?2
ORDER BY id
LIMIT ?3
