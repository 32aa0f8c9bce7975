-- Finds which keys have a row that was first seen by a day. ?1: the day, then the keys. The row of values is repeated.
WITH last (day) AS (SELECT ?1)
SELECT {table_keys}
FROM (VALUES ({marks_of_keys})) AS sent
CROSS JOIN {table} ON {is_sent}
WHERE {first_day} <= (SELECT day FROM last)
