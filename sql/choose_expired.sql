-- Chooses the rows that a single installation sent and that no other day has events of. ?1: the day that is removed, ?2
-- and ?3: the first and the last rowid in `senders` to look at.
CREATE TABLE flushing.leaving AS
SELECT {table_keys}, {count} AS events, {first_day} AS first_day, {last_day} AS last_day
FROM retiring.senders
CROSS JOIN main.{table} ON {is_senders}
WHERE
    senders.rowid BETWEEN ?2 AND ?3
    AND sent_by NOT IN ('', '*')
    AND {last_day} <= ?1
    AND NOT EXISTS (
        SELECT 1 FROM main.segments
        WHERE retired_at IS NULL AND day != ?1 AND day BETWEEN {first_day} AND {last_day}
    )
