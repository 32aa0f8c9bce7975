UPDATE main.{labels_table}
SET rows = used.rows
FROM (SELECT labels, count(*) AS rows FROM main.{stored_table} GROUP BY labels) AS used
WHERE used.labels = id
