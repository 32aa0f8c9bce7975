SELECT '{day}' AS day, id, type, timestamp, installation_id, drift_version, payload, created_at FROM "{day}".events
