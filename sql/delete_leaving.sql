DELETE FROM main.{table}
WHERE ({keys}) IN (SELECT {keys} FROM flushing.leaving)
