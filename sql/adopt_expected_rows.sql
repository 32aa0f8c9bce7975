INSERT INTO main.{table} ({columns})
SELECT {columns}
FROM expected.{table}
WHERE ({checked}) IN (SELECT {checked} FROM expected.{table} EXCEPT SELECT {checked} FROM main.{table})
ON CONFLICT ({keys}) DO UPDATE SET {adopted}
