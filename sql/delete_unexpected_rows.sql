DELETE FROM main.{table}
WHERE {is_row} AND ({keys}) IN (SELECT {keys} FROM main.{table} EXCEPT SELECT {keys} FROM expected.{table})
