-- The events of others that bear on the same rows of the aggregates. ?1 and ?2: ids above and up to which events are
-- read, ?3: how many, ?4: the ids of an installation as a JSON array.
SELECT id, created_at, type, timestamp, installation_id, drift_version, payload
FROM events
WHERE
    installation_id NOT IN (SELECT value FROM json_each(?4))
    AND id > ?1
    AND id <= ?2
    AND CASE WHEN json_valid(payload) THEN {related} ELSE 0 END
ORDER BY id
LIMIT ?3
