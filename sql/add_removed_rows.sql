-- After the recount: what was forgotten adds to the raw events.
INSERT INTO main.{table} ({columns})
SELECT {columns}
FROM current.removed_{table}
WHERE true
{or_added}
