-- How many labels say a wrong number of rows or have none, and how many rows have a number that no labels have.
WITH used AS (SELECT labels, count(*) AS rows FROM main.{stored_table} GROUP BY labels)
SELECT
    (
        SELECT count(*)
        FROM main.{labels_table} AS known
        LEFT JOIN used ON labels = id
        WHERE known.rows != coalesce(used.rows, -1)
    ) + (SELECT coalesce(sum(rows), 0) FROM used WHERE labels NOT IN (SELECT id FROM main.{labels_table}))
