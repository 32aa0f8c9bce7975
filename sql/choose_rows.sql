-- Chooses rows to prune. ?1: they were last seen before this day, ?2: the most events a row may have, ?3: the most rows
-- to choose, then the key after which to begin.
CREATE TABLE flushing.leaving AS
SELECT {keys}, {count} AS events, {first_day} AS first_day, {last_day} AS last_day
FROM {table}
WHERE ({keys}) > ({key_marks}) AND {last_day} < ?1 AND {count} <= ?2 AND NOT ({is_overflow})
ORDER BY {keys}
LIMIT ?3
