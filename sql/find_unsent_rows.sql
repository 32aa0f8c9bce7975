-- The rows that the cluster lacks or has with other values, and those that are gone here and not there: `removed` is 1.
CREATE TEMP TABLE unsent_{table} AS
SELECT {columns}, 0 AS removed
FROM (
    SELECT {columns} FROM aggregates.{table} WHERE {is_row}
    EXCEPT
    SELECT {columns} FROM main.{table}
)
UNION ALL
SELECT {zeroed}, 1 AS removed
FROM (
    SELECT {columns}
    FROM main.{table}
    WHERE ({keys}) NOT IN (SELECT {keys} FROM aggregates.{table} WHERE {is_row})
)
