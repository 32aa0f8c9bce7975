-- After the recount. A row that was first seen by the newest day of the past may include events that are gone: its numbers
-- are kept, unless those that are there add up to more. A row that does not tell when it was first seen may always include
-- some.
UPDATE main.{table}
SET {kept}
FROM current.{table} AS past
WHERE ({past_keys}) = ({table_keys}) AND {past_first_day} <= (SELECT max(day) FROM past_days)
