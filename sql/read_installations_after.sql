SELECT installation_id, first_seen, last_seen
FROM installations
WHERE installation_id > ?1
ORDER BY installation_id
LIMIT ?2
