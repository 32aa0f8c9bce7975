SELECT count(DISTINCT installation_id)
FROM events
WHERE installation_id != 'unknown'
