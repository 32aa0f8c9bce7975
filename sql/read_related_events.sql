-- The events of others that bear on the same rows of the aggregates. ?1: the ids of an installation as a JSON array,
-- ?2 and ?3: ids above and up to which events are read.
SELECT id, created_at, type, timestamp, installation_id, drift_version, payload
FROM events
WHERE
    installation_id NOT IN (SELECT value FROM json_each(?1))
    AND id > ?2
    AND id <= ?3
    AND CASE WHEN json_valid(payload) THEN {related} ELSE 0 END
ORDER BY id
LIMIT ?4
