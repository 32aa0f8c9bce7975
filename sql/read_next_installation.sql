-- ?1: an id, ?2: how many installations after it to pass over. Reads the last of these, or null if there are none.
SELECT max(installation_id)
FROM (SELECT installation_id FROM installations WHERE installation_id > ?1 ORDER BY installation_id LIMIT ?2)
