-- Events of installations by type. ?1: the last id, ?2: the ids in lower case that stand for none, as JSON.
SELECT type, count(*)
FROM events
WHERE id <= ?1 AND lower(installation_id) NOT IN (SELECT value FROM json_each(?2))
GROUP BY type
