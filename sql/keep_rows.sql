-- After the recount. A row that was first seen by the newest day of the past, or by the newest of which some events were
-- forgotten, may include events that are gone: its numbers are kept, unless the raw events alone add up to more. A row
-- that does not tell when it was first seen may always include some.
INSERT INTO main.{table} ({columns})
SELECT {columns}
FROM current.{table}
WHERE
    {first_day} <= (SELECT max(day) FROM (SELECT day FROM past_days UNION ALL SELECT date FROM current.removed_stats))
ON CONFLICT ({keys}) DO UPDATE SET {kept}
