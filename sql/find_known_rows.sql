-- ?1: a day, then keys: those of rows that were first seen by that day. The row of values is repeated.
WITH last (day) AS (SELECT ?1)
SELECT {table_keys}
FROM (VALUES ({marks_of_keys})) AS sent
CROSS JOIN {table} ON {is_sent}
WHERE {first_day} <= (SELECT day FROM last)
