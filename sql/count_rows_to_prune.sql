-- ?1: rows were last seen before this day, ?2: the most events a row may have.
SELECT count(*), coalesce(sum({count}), 0)
FROM {table}
WHERE {last_day} < ?1 AND {count} <= ?2 AND NOT ({is_overflow})
