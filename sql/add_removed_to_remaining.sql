-- Forgotten events tell as well when the rows of an excluded installation were first and last seen without it.
INSERT INTO remaining.{table} ({columns})
SELECT {columns}
FROM main.removed_{table}
WHERE ({keys}) IN (SELECT {keys} FROM contribution.{table})
{or_added}
