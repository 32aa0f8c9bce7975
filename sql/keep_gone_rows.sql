-- After the recount. Rows whose events are all gone are kept as they are.
INSERT INTO main.{table} ({columns})
SELECT {columns}
FROM current.{table}
WHERE {first_day} <= (SELECT max(day) FROM past_days) AND ({keys}) NOT IN (SELECT {keys} FROM main.{table})
