-- Adds the rows that are leaving to the row `other`.
INSERT INTO main.{table} ({columns})
SELECT {folded_columns}
FROM main.{table}
WHERE ({keys}) IN (SELECT {keys} FROM flushing.leaving)
GROUP BY {folded_group}
{or_added}
