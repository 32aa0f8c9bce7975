-- ?1: the last id, ?2: the types whose payload is read, as JSON, ?3: the place of the day in the window. By
-- installation, with the index that sealing makes.
SELECT
    installation_id,
    ?3,
    id,
    type,
    drift_version,
    CASE WHEN type IN (SELECT value FROM json_each(?2)) THEN payload END
FROM events INDEXED BY idx_events_installation
WHERE id <= ?1
ORDER BY installation_id, id
