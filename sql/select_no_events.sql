SELECT '' AS day, 0 AS id, '' AS type, '' AS timestamp, '' AS installation_id, '' AS drift_version, '' AS payload, '' AS created_at
WHERE false
