DELETE FROM main.{table}
WHERE {count} <= 0 AND ({keys}) IN (SELECT {keys} FROM contribution.{table})
