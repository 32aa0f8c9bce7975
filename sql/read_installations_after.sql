-- ?1: the first day an installation may have been seen last, ?2: the last, ?3: the most rows, then the key before.
SELECT installation_id, first_seen, last_seen
FROM installations
WHERE installation_id > ?4 AND last_seen BETWEEN ?1 AND ?2
ORDER BY installation_id
LIMIT ?3
