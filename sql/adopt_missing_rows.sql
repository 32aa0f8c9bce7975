INSERT INTO main.{table} ({columns})
SELECT {columns}
FROM expected.{table}
WHERE ({keys}) NOT IN (SELECT {keys} FROM main.{table})
