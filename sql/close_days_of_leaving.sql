-- The days whose raw events may be of rows that are folded now: a recount folds them too.
INSERT INTO {table}_days (day, closed)
SELECT day, 1
FROM segments
WHERE
    retired_at IS NULL
    AND day BETWEEN (SELECT min(first_day) FROM flushing.leaving) AND (SELECT max(last_day) FROM flushing.leaving)
ON CONFLICT (day) DO UPDATE SET closed = 1
