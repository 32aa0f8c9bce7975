-- Closes every day that may have raw events of the rows that are folded now, so that a recount folds these events too.
INSERT INTO {table}_days (day, closed)
SELECT day, 1
FROM segments
WHERE
    retired_at IS NULL
    AND day BETWEEN (SELECT min(first_day) FROM flushing.leaving) AND (SELECT max(last_day) FROM flushing.leaving)
ON CONFLICT (day) DO UPDATE SET closed = 1
