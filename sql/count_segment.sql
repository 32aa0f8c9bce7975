-- After sealing: both counts are read from indexes. ?1: a JSON array of placeholders in lower case, which are no
-- installations. Without the limit the ids of all events would be compared with them.
SELECT
    (SELECT count(*) FROM events),
    (
        SELECT count(*)
        FROM (SELECT DISTINCT installation_id FROM events LIMIT -1)
        WHERE lower(installation_id) NOT IN (SELECT value FROM json_each(?1))
    )
