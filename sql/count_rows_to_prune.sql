-- ?1: the day before which rows were last seen, ?2: how many events they may have.
SELECT count(*), coalesce(sum({count}), 0)
FROM {table}
WHERE {last_day} < ?1 AND {count} <= ?2 AND NOT ({is_overflow})
