-- One statement is one transaction: a group is stored whole or not at all, and nothing is left open.
-- ?1: the rows as a JSON array of arrays, ?2: the time they were received.
INSERT INTO events (type, timestamp, installation_id, drift_version, payload, created_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, ?2
-- Without the limit the value would be made anew for each of its columns.
FROM (SELECT value FROM json_each(?1) LIMIT -1)
