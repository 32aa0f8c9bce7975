SELECT installation_id, toString(min(first_seen)) AS first_day
FROM (SELECT installation_id, node_id, first_seen, version FROM {installations} FINAL)
GROUP BY installation_id
ORDER BY installation_id
