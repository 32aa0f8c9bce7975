-- One statement is one transaction: a group is stored whole or not at all, and nothing is left open.
-- ?1: the time the events were received. The row of values is repeated; those beyond the group are null.
INSERT INTO events (created_at, type, timestamp, installation_id, drift_version, payload)
SELECT ?1, *
FROM (VALUES (?, ?, ?, ?, ?))
WHERE column1 IS NOT NULL
