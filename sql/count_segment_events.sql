-- ?1: the watermark, ?2: a JSON array of installations whose events are not counted. How many it includes, and how many not.
SELECT count(*) FILTER (WHERE id <= ?1), count(*) FILTER (WHERE id > ?1)
FROM events
WHERE installation_id NOT IN (SELECT value FROM json_each(?2))
