-- ?1: the day before which rows were last seen, ?2: how many events they may have, ?3: how many rows, then the key after
-- which to look.
CREATE TABLE flushing.leaving AS
SELECT {keys}, {count} AS events, {first_day} AS first_day, {last_day} AS last_day
FROM {table}
WHERE ({keys}) > ({key_marks}) AND {last_day} < ?1 AND {count} <= ?2 AND NOT ({is_overflow})
ORDER BY {keys}
LIMIT ?3
